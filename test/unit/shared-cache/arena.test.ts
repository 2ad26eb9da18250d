import { closeSync } from 'node:fs';
import { expect } from 'chai';
import { type MappingKind, type SharedBytes, shareBytes } from '../../../src/posix/shared-bytes.js';
import { BUCKET_SLOTS, bucketOf, hashOf, shapeWithin } from '../../../src/shared-cache/arena-layout.js';
import { ArenaReader } from '../../../src/shared-cache/arena-reader.js';
import { ArenaWriter } from '../../../src/shared-cache/arena-writer.js';
import { makeFile } from '../../../src/shared-cache/directory.js';
import { TestDirectory } from '../../helpers/directory.js';

const LENGTH_BYTES = 1024 * 1024;

for (const mapping of ['mmap', 'pread'] as const satisfies readonly MappingKind[]) {
  describe(`an arena, by ${mapping}`, () => {
    let directory: TestDirectory;
    let fd: number;
    let memory: SharedBytes;
    let writer: ArenaWriter;
    let reader: ArenaReader;

    beforeEach(() => {
      directory = new TestDirectory();
      fd = makeFile(directory.at('arena'), LENGTH_BYTES);
      memory = shareBytes(fd, LENGTH_BYTES, mapping);
      writer = new ArenaWriter(memory, 0);
      reader = new ArenaReader(memory);
    });
    afterEach(() => {
      memory.close();
      closeSync(fd);
      directory.remove();
    });

    function put(key: string, body: string | Buffer): boolean {
      return writer.put(Buffer.from(key), Buffer.from(`head of ${key}`), [Buffer.from(body)]);
    }

    function read(key: string): string | undefined {
      return reader.lookup(Buffer.from(key))?.body?.toString();
    }

    it('gives back what was put in, also in the place of something else', () => {
      expect(read('k')).to.equal(undefined);
      put('k', 'one');
      expect(read('k')).to.equal('one');
      put('k', 'another');
      expect(read('k')).to.equal('another');
      expect(writer.figures).to.include({ entries: 1, fills: 2, evictions: 0 });
      writer.remove('k');
      expect(read('k')).to.equal(undefined);
      expect(writer.figures).to.include({ entries: 0, bytes: 0 });
    });

    it('takes no entry that is too large, and the largest one that is not', () => {
      const head = Buffer.from('head of k');
      const largest = writer.maxEntryBytes - head.length - 1;
      expect(put('k', Buffer.alloc(largest + 1))).to.equal(false);
      expect(put('k', Buffer.alloc(largest, 'x'))).to.equal(true);
      expect(read('k')).to.equal('x'.repeat(largest));
    });

    it('keeps what is read, and gives up what is not', () => {
      const body = Buffer.alloc(50_000, 'x');
      for (let i = 0; i < 100; i++) {
        put(`k${i}`, body);
        expect(read('k0'), `k0 after ${i} more`).to.equal(body.toString());
      }
      expect(read('k1')).to.equal(undefined);
      expect(writer.figures.evictions).to.be.greaterThan(50);
      expect(reader.figures()).to.deep.equal(writer.figures);
    });

    it('keeps a bucket whose slots are all taken going', () => {
      const { slots } = shapeWithin(LENGTH_BYTES);
      const inOne: string[] = [];
      for (let i = 0; inOne.length < 3 * BUCKET_SLOTS; i++) {
        if (bucketOf(hashOf(Buffer.from(`k${i}`)), slots) === 0) inOne.push(`k${i}`);
      }
      for (const key of inOne) {
        put(key, key);
        expect(read(inOne[0]!), `the first, which is read, after ${key}`).to.equal(inOne[0]);
        expect(read(key)).to.equal(key);
      }
      expect(writer.figures.entries).to.equal(BUCKET_SLOTS);
    });

    it('tells keys of one hash from each other', () => {
      // djb2: the first char counts 33 times the second.
      expect(hashOf(Buffer.from('ab'))).to.equal(hashOf(Buffer.from('bA')));
      put('ab', 'one');
      put('bA', 'two');
      expect([read('ab'), read('bA')]).to.deep.equal(['one', 'two']);
    });

    it('gives an object another head where the old one was, if there is room', () => {
      put('k', 'body');
      const entry = writer.find('k')!;
      const { version } = reader.lookup(Buffer.from('k'))!;
      expect(writer.freshen(entry, Buffer.from('new'))).to.equal(true);
      const found = reader.lookup(Buffer.from('k'))!;
      expect([found.head.toString(), found.body?.toString()]).to.deep.equal(['new', 'body']);
      expect(found.version).not.to.equal(version);
      expect(writer.freshen(entry, Buffer.alloc(1000))).to.equal(false);
    });

    it('gives what lies apart up with its entry', () => {
      let released = 0;
      const apart = {
        bodyBytes: 5_000_000,
        number: 2 ** 40,
        touch: () => undefined,
        release: () => {
          released++;
        },
      };
      writer.put(Buffer.from('k'), Buffer.from('head'), apart);
      expect(reader.lookup(Buffer.from('k'))).to.deep.include({
        body: undefined,
        bodyBytes: 5_000_000,
        bodyNumber: 2 ** 40,
      });
      writer.put(Buffer.from('k'), Buffer.from('another head'), apart);
      expect(released, 'what stays').to.equal(0);
      put('k', 'small');
      expect(released).to.equal(1);
      expect(read('k')).to.equal('small');
    });

    it('knows what was looked up, also of what lies apart and whose head was moved since', () => {
      let touched = 0;
      const apart = { bodyBytes: 1, number: 1, touch: () => touched++, release: () => undefined };
      writer.put(Buffer.from('k'), Buffer.from('head'), apart);
      expect(writer.takeUse(writer.find('k')!)).to.equal(false);
      reader.lookup(Buffer.from('k'));
      expect(writer.takeUse(writer.find('k')!)).to.equal(true);
      expect(writer.takeUse(writer.find('k')!)).to.equal(false);
      reader.lookup(Buffer.from('k'));
      for (let i = 0; touched === 0 && i < 100; i++) put(`k${i}`, Buffer.alloc(50_000));
      expect(touched).to.equal(1);
      expect(reader.lookup(Buffer.from('k'))?.bodyNumber).to.equal(1);
    });

    it('is not read when it is none', () => {
      const other = makeFile(directory.at('other'), LENGTH_BYTES);
      const bytes = shareBytes(other, LENGTH_BYTES, mapping);
      expect(() => new ArenaReader(bytes)).to.throw('not that of a cache process of this version');
      bytes.close();
      closeSync(other);
    });

    it('says nothing of a slot that its writer has left in the midst of writing', () => {
      put('k', 'body');
      const { slot } = writer.find('k')!;
      const at = 4096 + slot * 64;
      memory.store(at, memory.load(at) + 1);
      expect(read('k')).to.equal(undefined);
    });
  });
}
