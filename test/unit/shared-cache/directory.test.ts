import { mkdirSync, readdirSync, statSync } from 'node:fs';
import { expect } from 'chai';
import { startTicks } from '../../../src/posix/process-info.js';
import {
  isSegmentName,
  makeDirectory,
  makeFile,
  sweepDirectories,
} from '../../../src/shared-cache/directory.js';
import { TestDirectory } from '../../helpers/directory.js';

describe('the directory of a cache process', () => {
  let root: TestDirectory;
  beforeEach(() => {
    root = new TestDirectory();
  });
  afterEach(() => root.remove());

  it('is for this user alone', () => {
    const path = makeDirectory(root.path);
    expect(statSync(path).mode & 0o777).to.equal(0o700);
    expect(readdirSync(root.path)).to.deep.equal([`handover-${process.pid}-${startTicks(process.pid)}`]);
  });

  it('is swept when its process is gone, and nothing else is', () => {
    makeDirectory(root.path);
    // Of a process that had our number before us, and of one that cannot be.
    mkdirSync(root.at(`handover-${process.pid}-1`));
    mkdirSync(root.at('handover-99999999-5'));
    root.write('handover-99999999-5/arena', 'x');
    root.write('handover-99999998-5', 'no directory');
    mkdirSync(root.at('handover-elsewhere'));
    expect(sweepDirectories(root.path)).to.equal(2);
    expect(readdirSync(root.path).sort()).to.deep.equal(
      [
        `handover-${process.pid}-${startTicks(process.pid)}`,
        'handover-99999998-5',
        'handover-elsewhere',
      ].sort(),
    );
  });

  it('takes names of segments, and no others', () => {
    expect(isSegmentName('segment-12-0a1b2c-3')).to.equal(true);
    for (const name of ['arena', 'segment-', 'segment-../x', 'segment-1/2', 'segment-1\0', '']) {
      expect(isSegmentName(name), name).to.equal(false);
    }
  });

  it('has files with space for all that is in them', () => {
    makeFile(root.at('file'), 3_000_000);
    const { size, blocks, mode } = statSync(root.at('file'));
    expect(size).to.equal(3_000_000);
    expect(blocks * 512).to.be.at.least(size);
    expect(mode & 0o777).to.equal(0o600);
    expect(() => makeFile(root.at('file'), 1)).to.throw('EEXIST');
  });
});
