import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { fencesOf, nextEpoch } from '../../../src/tokens/epoch.js';
import { TestDirectory } from '../../helpers/directory.js';

describe('tokens/epoch', () => {
  let directory: TestDirectory;
  let path: string;
  beforeEach(() => {
    directory = new TestDirectory({});
    path = join(directory.path, 'epoch');
  });
  afterEach(() => directory.remove());

  it('rises with every start', () => {
    expect([nextEpoch(path), nextEpoch(path), nextEpoch(path)]).to.deep.equal([1, 2, 3]);
    expect(readFileSync(path, 'latin1')).to.equal('3\n');
  });

  it('makes fences that rise over starts', () => {
    const earlier = fencesOf(nextEpoch(path));
    const fences = [earlier(), earlier()];
    const later = fencesOf(nextEpoch(path));
    fences.push(later(), later());
    expect(fences).to.deep.equal([...new Set(fences)].sort((a, b) => a - b));
    expect(Number.isSafeInteger(fencesOf(2 ** 20 - 1)())).to.equal(true);
  });

  for (const garbage of ['', 'x\n', '-1\n', '99999999\n', '12']) {
    it(`does not guess from ${JSON.stringify(garbage)}`, () => {
      writeFileSync(path, garbage);
      expect(() => nextEpoch(path)).to.throw(path);
    });
  }
});
