import { fstatSync, rmSync, truncateSync } from 'node:fs';
import { expect } from 'chai';
import { BodyFiles } from '../../../src/shared-cache/body-files.js';
import { TestDirectory } from '../../helpers/directory.js';
import { readWhole } from '../../helpers/shared-cache.js';

describe('shared-cache/body-files', () => {
  let directory: TestDirectory;
  let files: BodyFiles;

  beforeEach(() => {
    directory = new TestDirectory({ 'body-7': 'content' });
    files = new BodyFiles(directory.path);
  });
  afterEach(() => directory.remove());

  it('are open once, however many send from them', () => {
    const place = files.place(7, 7);
    const [one, other] = [place.open()!, files.place(7, 7).open()!];
    expect(other.fd).to.equal(one.fd);
    one.close();
    one.close();
    expect(readWhole(other).toString()).to.equal('content');
    other.close();
    expect(() => fstatSync(other.fd)).to.throw('EBADF');
  });

  it('are not there when their name is gone, or they are of another size', () => {
    expect(files.place(8, 7).open()).to.equal(undefined);
    expect(files.place(7, 6).open()).to.equal(undefined);
    rmSync(directory.at('body-7'));
    expect(files.place(7, 7).open()).to.equal(undefined);
  });

  it('stay what they are when their name goes, and are not when somebody cuts them', () => {
    const file = files.place(7, 7).open()!;
    expect(file.unchanged()).to.equal(true);
    truncateSync(directory.at('body-7'), 3);
    expect(file.unchanged()).to.equal(false);
    file.close();
    directory.write('body-7', 'content');
    const again = files.place(7, 7).open()!;
    rmSync(directory.at('body-7'));
    expect(again.unchanged()).to.equal(true);
    expect(readWhole(again).toString()).to.equal('content');
    again.close();
    expect(files.place(7, 7).open()).to.equal(undefined);
  });
});
