import { createHash, randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { expect } from 'chai';
import { JobError } from '../../../../src/jobs/api.js';
import {
  isUnfinished,
  publish,
  ResultFile,
  unfinishedPath,
} from '../../../../src/jobs/reducing/result-file.js';
import { TestDirectory } from '../../../helpers/directory.js';

describe('jobs/reducing/result-file', () => {
  let directory: TestDirectory;
  beforeEach(() => {
    directory = new TestDirectory({ old: 'old' });
  });
  afterEach(() => directory.remove());

  it('writes pieces of any size in their order, and is put in its place when it is whole', async () => {
    const file = new ResultFile(directory.at('new'));
    const sizes = [1, 0, 16_384, 5, 16_383, 16_383, 100_000, 16_385, 2];
    const pieces = sizes.map((size) => randomBytes(size));
    for (const piece of pieces) file.write(piece);
    file.write('ü');
    const expected = Buffer.concat([...pieces, Buffer.from('ü')]);
    const sha256 = createHash('sha256').update(expected).digest('hex');
    expect(await file.finish()).to.deep.equal({ bytes: expected.length, sha256 });
    expect(readFileSync(directory.at('old'), 'utf8')).to.equal('old');
    await publish(directory.at('new'), directory.at('old'));
    expect(readFileSync(directory.at('old')).equals(expected)).to.equal(true);
    expect(readdirSync(directory.path)).to.deep.equal(['old']);
  });

  it('takes small pieces whose memory is used again', async () => {
    const file = new ResultFile(directory.at('new'));
    const piece = Buffer.from('abc');
    file.write(piece);
    piece.fill('x');
    await file.finish();
    expect(readFileSync(directory.at('new'), 'utf8')).to.equal('abc');
  });

  it('says again and again that it cannot be written', async () => {
    const path = directory.at('none/result');
    const file = new ResultFile(path);
    expect(() => file.write(randomBytes(20_000)))
      .to.throw(JobError)
      .with.property('code', 'storage-failed');
    expect(() => file.check()).to.throw(`the result cannot be written to ${path}: ENOENT`);
    const error = await file.finish().catch((reason: unknown) => reason);
    expect(error).to.be.instanceOf(JobError);
  });

  it('leaves nothing when it is discarded', () => {
    const file = new ResultFile(directory.at('new'));
    file.write(randomBytes(20_000));
    expect(readdirSync(directory.path)).to.include('new');
    file.discard();
    expect(readdirSync(directory.path)).to.deep.equal(['old']);
  });

  it('has a name of its own for each run until it is whole', () => {
    const [one, two] = [unfinishedPath('/a/result', 1), unfinishedPath('/a/result', 2)];
    expect(one).not.to.equal(two);
    expect([one, two, '/a/result'].map((path) => isUnfinished(path.slice(3)))).to.deep.equal([
      true,
      true,
      false,
    ]);
  });

  it('says when it cannot be put in its place', async () => {
    const error = await publish(directory.at('none'), directory.at('result')).catch(
      (reason: unknown) => reason,
    );
    expect(error).to.be.instanceOf(JobError).with.property('code', 'storage-failed');
    expect((error as JobError).message).to.match(/^the result cannot be written to .*\/result: ENOENT/);
  });
});
