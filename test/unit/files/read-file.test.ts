import { createHash } from 'node:crypto';
import {
  appendFileSync,
  chmodSync,
  closeSync,
  renameSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Found, FoundFile, LookupRules } from '../../../src/files/found.js';
import { lookup } from '../../../src/files/lookup.js';
import { readUnchanged } from '../../../src/files/read-file.js';
import { openFile } from '../../../src/files/safety.js';
import { restless } from '../../helpers/restless.js';
import { SiteTree, settledClock, unprivileged } from '../../helpers/site-tree.js';

describe('files/read-file', () => {
  let site: SiteTree;
  beforeEach(() => {
    site = new SiteTree();
  });
  afterEach(() => site.remove());

  function ask(
    rawPath: string,
    known?: string,
    overrides: Partial<LookupRules> = {},
    now = settledClock,
  ): Found {
    return lookup(known === undefined ? { rawPath } : { rawPath, known }, site.rules(overrides), now);
  }

  function file(rawPath: string, overrides: Partial<LookupRules> = {}, now = settledClock): FoundFile {
    const found = ask(rawPath, undefined, overrides, now);
    if (found.kind !== 'file') throw new Error(`${rawPath}: ${found.kind}`);
    return found;
  }

  const codings = (found: FoundFile) => found.variants.map(({ coding }) => coding);

  it('reads the whole content into memory of its own', () => {
    const content = Buffer.from(Array.from({ length: 5000 }, (_, i) => i & 0xff));
    site.file('data.bin', content);
    const { body, sizeBytes, etag } = file('/data.bin').variants[0]!;
    expect(Buffer.from(body!).equals(content)).to.equal(true);
    expect(body!.buffer.byteLength).to.equal(5000);
    expect(sizeBytes).to.equal(5000);
    expect(etag).to.equal(`"${createHash('sha256').update(content).digest('base64url').slice(0, 22)}"`);
    site.file('empty.bin', '');
    expect(file('/empty.bin').variants[0]).to.deep.include({ sizeBytes: 0, body: Buffer.alloc(0) });
  });

  it('leaves what is above the limit on disk', () => {
    site.file('big.bin', Buffer.alloc(101));
    site.touch('big.bin', 1000);
    const [variant] = file('/big.bin', { maxBodyBytes: 100 }).variants;
    expect(variant).to.include({
      body: null,
      sizeBytes: 101,
      etag: `"65-${(1000n * 10n ** 9n).toString(16)}"`,
    });
    expect(file('/big.bin', { maxBodyBytes: 101 }).variants[0]!.body).to.have.length(101);
  });

  it('gives Last-Modified in whole seconds', () => {
    site.file('a.txt');
    utimesSync(join(site.root, 'a.txt'), 1234.9, 1234.9);
    expect(file('/a.txt').mtimeMs).to.equal(1_234_000);
  });

  describe('sidecars', () => {
    const BASE_TIME = 1_000_000;

    /** A base and its sidecars, all of one age; a sidecar's content is its own name. */
    function withSidecars(base: string, ...extensions: string[]): void {
      for (const name of [base, ...extensions.map((extension) => base + extension)]) {
        site.file(name);
        site.touch(name, BASE_TIME);
      }
    }

    it('are found beside a file that is worth compressing', () => {
      withSidecars('app.js', '.gz', '.br', '.zst');
      const found = file('/app.js');
      expect(codings(found)).to.deep.equal(['identity', 'br', 'zstd', 'gzip']);
      const bodies = found.variants.map(({ body }) => Buffer.from(body!).toString());
      expect(bodies).to.deep.equal(['app.js', 'app.js.br', 'app.js.zst', 'app.js.gz']);
      expect(new Set(found.variants.map(({ etag }) => etag))).to.have.property('size', 4);
      expect(found.variants[1]!.etag).to.match(/^"[\w-]{22}-br"$/);
      expect(found.variants[1]!.path).to.equal(join(site.root, 'app.js.br'));
    });

    it('are ignored beside a file that is not, and without a base', () => {
      withSidecars('photo.jpg', '.gz');
      expect(codings(file('/photo.jpg'))).to.deep.equal(['identity']);
      site.file('alone.js.gz');
      expect(ask('/alone.js')).to.deep.equal({ kind: 'missing' });
      expect(codings(file('/alone.js.gz'))).to.deep.equal(['identity']);
    });

    it('are found for index files and clean URLs by the type of the file', () => {
      withSidecars('docs/index.html', '.gz');
      withSidecars('about.html', '.br');
      expect(codings(file('/docs/'))).to.deep.equal(['identity', 'gzip']);
      expect(codings(file('/about', { cleanUrls: true }))).to.deep.equal(['identity', 'br']);
    });

    it('are ignored when they are older than their base, or empty', () => {
      withSidecars('app.css', '.gz', '.br');
      site.touch('app.css.gz', BASE_TIME - 1);
      writeFileSync(join(site.root, 'app.css.br'), '');
      expect(codings(file('/app.css'))).to.deep.equal(['identity']);
      site.touch('app.css.gz', BASE_TIME + 1);
      expect(codings(file('/app.css'))).to.deep.equal(['identity', 'gzip']);
    });

    it('are ignored when they are no regular files, or may not be read', () => {
      withSidecars('app.css', '.gz', '.br');
      site.directory('app.css.zst');
      chmodSync(join(site.root, 'app.css.gz'), 0);
      expect(unprivileged(() => codings(file('/app.css')))).to.deep.equal(['identity', 'br']);
    });

    it('may be above the limit while their base is not, and the other way round', () => {
      withSidecars('a.txt', '.gz');
      site.file('a.txt', 'x'.repeat(50));
      site.touch('a.txt', BASE_TIME);
      const bodies = file('/a.txt', { maxBodyBytes: 20 }).variants.map(({ body }) => body?.length ?? null);
      expect(bodies).to.deep.equal([null, 'a.txt.gz'.length]);
    });
  });

  describe('what is known already', () => {
    it('is not read again', () => {
      site.file('a.css');
      const { identity } = file('/a.css');
      expect(ask('/a.css', identity)).to.deep.equal({ kind: 'unchanged' });
      expect(ask('/a.css', 'something else').kind).to.equal('file');
    });

    it('is no longer true after any change', () => {
      const path = site.file('a.css', 'one');
      const changes: (() => void)[] = [
        () => appendFileSync(path, 'more'),
        () => writeFileSync(path, 'same size'),
        () => renameSync(site.file('new.css', 'replaced.'), path),
        () => utimesSync(path, 5, 5),
        () => site.file('a.css.gz'),
        () => site.touch('a.css.gz', 6),
        () => site.touch('a.css.gz', 4),
      ];
      for (const change of changes) {
        const { identity } = file('/a.css');
        change();
        expect(ask('/a.css', identity).kind, String(change)).to.equal('file');
      }
    });

    it('belongs to where it was found', () => {
      site.file('a/index.html');
      const { identity } = file('/a/');
      renameSync(join(site.root, 'a'), join(site.root, 'b'));
      expect(ask('/b/', identity).kind).to.equal('file');
    });

    it('is not believed when it was read right after a change', () => {
      // Two writes within one tick of the kernel's clock leave the same stamps.
      const writtenMs = Math.floor(statSync(site.file('a.txt', 'one')).ctimeMs);
      const soon = () => writtenMs + 10;
      const fresh = file('/a.txt', {}, soon);
      expect(ask('/a.txt', fresh.identity, {}, soon).kind).to.equal('file');
      const settled = ask('/a.txt', fresh.identity);
      expect(settled).to.include({ kind: 'file' });
      expect(ask('/a.txt', settled.kind === 'file' ? settled.identity : '')).to.deep.equal({
        kind: 'unchanged',
      });
    });
  });

  describe('a file that changes while it is read', () => {
    it('is noticed when it grew, shrank, or was only touched', () => {
      const path = site.file('a.txt', 'x'.repeat(1000));
      const changes: (() => void)[] = [
        () => appendFileSync(path, 'more'),
        () => truncateSync(path, 10),
        () => utimesSync(path, 5, 5),
      ];
      for (const change of changes) {
        const opened = openFile(path, site.rules())!;
        change();
        expect(readUnchanged(opened), String(change)).to.equal('changed');
        closeSync(opened.fd);
      }
    });

    /** Looks up until `done`, giving way to the loop in between. */
    async function lookUntil(rawPath: string, done: (found: Found, looks: number) => boolean): Promise<void> {
      for (let looks = 1; !done(ask(rawPath), looks); looks++) await new Promise(setImmediate);
    }

    it('is refused as busy when it never rests', async () => {
      const path = site.file('big.bin', Buffer.alloc(900_000));
      const thread = await restless(path, 'fs.utimesSync(path, turn, turn);');
      try {
        await lookUntil('/big.bin', (found) => {
          expect(found.kind).to.be.oneOf(['file', 'busy']);
          if (found.kind !== 'busy') return false;
          expect(found.reason).to.equal(`${path}: changes while it is read`);
          return true;
        });
      } finally {
        await thread.stop();
      }
    });

    it('gives only bytes that were in it, as many as its size says', async () => {
      // Byte i is i mod 251, whatever the file's length at the moment.
      const pattern = Buffer.from(Array.from({ length: 400_000 }, (_, i) => i % 251));
      const path = site.file('pattern.bin', pattern);
      const thread = await restless(
        path,
        `const length = (turn * 7919) % 400000;
         if (turn % 2) fs.truncateSync(path, Math.min(length, fs.statSync(path).size));
         else { const from = fs.statSync(path).size; const bytes = Buffer.alloc(Math.max(0, length - from));
           for (let k = 0; k < bytes.length; k++) bytes[k] = (from + k) % 251; fs.appendFileSync(path, bytes); }`,
      );
      try {
        await lookUntil('/pattern.bin', (found, looks) => {
          if (found.kind === 'file') {
            const { body, sizeBytes } = found.variants[0]!;
            expect(body!.length).to.equal(sizeBytes);
            expect(pattern.subarray(0, sizeBytes).equals(body!)).to.equal(true);
          } else expect(found.kind).to.equal('busy');
          return looks >= 100;
        });
      } finally {
        await thread.stop();
      }
    });

    it('is always whole when it is replaced by rename', async () => {
      const path = site.file('stat.txt', 'a'.repeat(2000));
      const thread = await restless(
        path,
        `const content = String.fromCharCode(97 + turn % 26).repeat(1000 + turn % 1000);
         fs.writeFileSync(path + '.new', content); fs.renameSync(path + '.new', path);`,
      );
      try {
        await lookUntil('/stat.txt', (found, looks) => {
          if (found.kind === 'file') {
            const text = Buffer.from(found.variants[0]!.body!).toString();
            expect(text.length).to.be.within(1000, 2000);
            expect(text).to.equal(text[0]!.repeat(text.length));
            expect(found.variants[0]!.path).to.equal(path);
          } else expect(found.kind).to.equal('busy');
          return looks >= 200;
        });
      } finally {
        await thread.stop();
      }
    });
  });
});
