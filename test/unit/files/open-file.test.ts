import { fstatSync, readdirSync, readSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { expect } from 'chai';
import { identityOf } from '../../../src/files/identity.js';
import { openSame } from '../../../src/files/open-file.js';
import type { OpenFile } from '../../../src/transport/connection.js';
import { eventually, settled } from '../../helpers/eventually.js';
import { SiteTree } from '../../helpers/site-tree.js';

describe('files/open-file', () => {
  let site: SiteTree;
  let path: string;
  let opened: (OpenFile | undefined)[];

  beforeEach(async () => {
    site = new SiteTree();
    path = site.file('a.txt', 'content');
    opened = [];
    await settled(path);
  });
  afterEach(() => {
    for (const file of opened) file?.close();
    site.remove();
  });

  function identity(): string {
    return identityOf(statSync(path, { bigint: true }));
  }

  async function open(known = identity(), at = path): Promise<OpenFile | undefined> {
    const file = await openSame(at, known);
    opened.push(file);
    return file;
  }

  /** Descriptors of this process, but for the one that looks. */
  function descriptors(): number {
    return readdirSync('/proc/self/fd').length;
  }

  it('opens the file that was found', async () => {
    const file = await open();
    const bytes = Buffer.alloc(20);
    expect(readSync(file!.fd, bytes)).to.equal('content'.length);
    expect(bytes.toString('utf8', 0, 7)).to.equal('content');
    expect(await file!.unchanged()).to.equal(true);
  });

  it('does not take another file for it, and leaves nothing open', async () => {
    const known = identity();
    const before = descriptors();
    writeFileSync(path, 'other text');
    expect(await open(known)).to.equal(undefined);
    renameSync(site.file('b.txt', 'content'), path);
    expect(await open(known)).to.equal(undefined);
    await eventually(
      () => descriptors() === before || undefined,
      () => `${descriptors()} descriptors, not ${before}`,
    );
  });

  it('has nothing for what is gone, or was put in its place', async () => {
    const known = identity();
    expect(await open(known, `${path}/below`)).to.equal(undefined);
    rmSync(path);
    expect(await open(known)).to.equal(undefined);
    site.link('a.txt', site.file('b.txt'));
    expect(await open(known), 'a link').to.equal(undefined);
    rmSync(path);
    site.directory('a.txt');
    expect(await open(known), 'a directory').to.equal(undefined);
  });

  it('says what else is wrong', async () => {
    const code = await openSame('\0', '').then(
      () => '',
      (error: NodeJS.ErrnoException) => error.code,
    );
    expect(code).to.equal('ERR_INVALID_ARG_VALUE');
  });

  describe('a file that is open', () => {
    it('has changed when it was written to, cut short, or made longer', async () => {
      for (const text of ['CONTENT', 'con', 'content and more']) {
        writeFileSync(path, 'content');
        await settled(path);
        const file = await open();
        writeFileSync(path, text);
        expect(await file!.unchanged(), text).to.equal(false);
      }
    });

    it('has not changed when another took its name', async () => {
      const file = await open();
      renameSync(site.file('b.txt', 'another'), path);
      expect(await file!.unchanged()).to.equal(true);
    });

    it('is closed once, however often that is asked for', async () => {
      const file = await open();
      const { fd } = file!;
      file!.close();
      file!.close();
      const isClosed = (): true | undefined => {
        try {
          fstatSync(fd);
          return undefined;
        } catch {
          return true;
        }
      };
      await eventually(isClosed, () => 'the descriptor is closed');
    });
  });
});
