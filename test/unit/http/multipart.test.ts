import { expect } from 'chai';
import fc from 'fast-check';
import { multipartPieces, multipartPlan, newBoundary } from '../../../src/http/multipart.js';

const TEXT = Buffer.from('0123456789');

describe('multipart', () => {
  it('writes the parts as RFC 9110 section 14.6 shows them', () => {
    const plan = multipartPlan(
      [
        { offset: 8, length: 2 },
        { offset: 0, length: 1 },
      ],
      TEXT.length,
      'text/plain; charset=utf-8',
      'BOUNDARY',
    );
    expect(plan.contentType).to.equal('multipart/byteranges; boundary=BOUNDARY');
    expect(Buffer.concat(multipartPieces(plan, TEXT)).toString('latin1')).to.equal(
      [
        '--BOUNDARY',
        'Content-Type: text/plain; charset=utf-8',
        'Content-Range: bytes 8-9/10',
        '',
        '89',
        '--BOUNDARY',
        'Content-Type: text/plain; charset=utf-8',
        'Content-Range: bytes 0-0/10',
        '',
        '0',
        '--BOUNDARY--',
        '',
      ].join('\r\n'),
    );
  });

  it('keeps the slices between the heads, for a body that is on disk', () => {
    const slice = { offset: 5_000_000_000, length: 7 };
    const { parts } = multipartPlan([slice, { offset: 0, length: 1 }], 6_000_000_000, 'video/mp4', 'B');
    expect(parts.map((part) => Buffer.isBuffer(part))).to.deep.equal([true, false, true, false, true]);
    expect(parts[1]).to.equal(slice);
  });

  it('knows the length of the whole body beforehand', () => {
    const range = fc.record({ offset: fc.nat(4), length: fc.integer({ min: 1, max: 5 }) });
    fc.assert(
      fc.property(fc.array(range, { minLength: 2, maxLength: 16 }), (ranges) => {
        const plan = multipartPlan(ranges, TEXT.length, 'text/plain', newBoundary());
        const slices = plan.parts.map((part) =>
          Buffer.isBuffer(part) ? part : TEXT.subarray(part.offset, part.offset + part.length),
        );
        expect(multipartPieces(plan, TEXT)).to.deep.equal(slices);
        expect(Buffer.concat(slices)).to.have.length(plan.length);
      }),
    );
  });

  it('copies nothing of what is in memory', () => {
    const plan = multipartPlan([{ offset: 3, length: 4 }], TEXT.length, 'text/plain', 'B');
    const [, piece] = multipartPieces(plan, TEXT);
    expect([piece!.buffer, piece!.byteOffset]).to.deep.equal([TEXT.buffer, TEXT.byteOffset + 3]);
  });

  it('makes boundaries that need no quotes and differ', () => {
    const boundary = newBoundary();
    expect(boundary).to.match(/^[0-9A-Za-z]{20,70}$/);
    expect(newBoundary()).not.to.equal(boundary);
  });
});
