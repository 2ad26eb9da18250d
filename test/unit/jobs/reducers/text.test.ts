import { expect } from 'chai';
import fc from 'fast-check';
import { concat } from '../../../../src/jobs/reducers/concat.js';
import { Count } from '../../../../src/jobs/reducers/count.js';
import { Lines } from '../../../../src/jobs/reducers/lines.js';
import { reduced } from '../../../helpers/reduced.js';

const PARTS = { a: 'one\ntwo', b: '', c: '\n', d: 'three\n', e: 'four\r\nfive' };

describe('jobs/reducers: concat, lines and count', () => {
  for (const chunkBytes of [1, 3, 100]) {
    it(`of chunks of ${chunkBytes} bytes`, async () => {
      const counted = { parts: 5, bytes: 24, lines: 6 };
      expect(await reduced(concat, PARTS, chunkBytes)).to.equal('one\ntwo\nthree\nfour\r\nfive');
      expect(await reduced((emit) => new Lines(emit), PARTS, chunkBytes)).to.equal(
        'one\ntwo\n\nthree\nfour\r\nfive\n',
      );
      expect(await reduced(() => new Count(), PARTS, chunkBytes)).to.equal(`${JSON.stringify(counted)}\n`);
    });
  }

  it('counts the lines that lines gives', async () => {
    const text = fc.string({ unit: fc.constantFrom('\n', 'x') });
    await fc.assert(
      fc.asyncProperty(fc.array(text), fc.integer({ min: 1, max: 5 }), async (contents, chunkBytes) => {
        const parts = Object.fromEntries(contents.map((content, index) => [`p${index}`, content]));
        const lines = await reduced((emit) => new Lines(emit), parts, chunkBytes);
        const count = JSON.parse(await reduced(() => new Count(), parts, chunkBytes));
        expect(count.lines).to.equal(lines.split('\n').length - 1);
      }),
    );
  });

  it('of nothing', async () => {
    expect(await reduced(concat, {})).to.equal('');
    expect(await reduced((emit) => new Lines(emit), {})).to.equal('');
    expect(await reduced(() => new Count(), {})).to.equal('{"parts":0,"bytes":0,"lines":0}\n');
  });
});
