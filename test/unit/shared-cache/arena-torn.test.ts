/** Readers in one process, a writer at full speed in another: nothing that is read may be a mixture. */
import { closeSync } from 'node:fs';
import { expect } from 'chai';
import { type MappingKind, shareBytes } from '../../../src/posix/shared-bytes.js';
import { ArenaReader } from '../../../src/shared-cache/arena-reader.js';
import { makeFile } from '../../../src/shared-cache/directory.js';
import { numberOf } from '../../helpers/arena-writer.js';
import { TestDirectory } from '../../helpers/directory.js';
import { Processes } from '../../helpers/processes.js';

const LENGTH_BYTES = 1024 * 1024;
const KEYS = 13;
const READS = 30_000;

describe('an arena that is read while it is written', () => {
  const directory = new TestDirectory();
  const processes = new Processes();
  let made = 0;

  after(async () => {
    await processes.end();
    directory.remove();
  });

  for (const [writer, reader] of [
    ['mmap', 'mmap'],
    ['mmap', 'pread'],
    ['pread', 'pread'],
    ['pread', 'mmap'],
  ] as readonly (readonly [MappingKind, MappingKind])[]) {
    it(`gives whole objects only: written by ${writer}, read by ${reader}`, async () => {
      const path = directory.at(`arena-${made++}`);
      const fd = makeFile(path, LENGTH_BYTES);
      const process = await processes.start('./arena-writer.js', [
        path,
        String(LENGTH_BYTES),
        writer,
        String(KEYS),
      ]);
      const memory = shareBytes(fd, LENGTH_BYTES, reader);
      const arena = new ArenaReader(memory);
      let found = 0;
      let changes = 0;
      const last = new Map<number, number>();
      for (let i = 0; i < READS; i++) {
        const key = i % KEYS;
        const object = arena.lookup(Buffer.from(`key ${key}`));
        if (object === undefined) continue;
        found++;
        const number = numberOf(object);
        expect(number % KEYS, 'the key that it was stored under').to.equal(key);
        const before = last.get(key) ?? 0;
        expect(number, 'never older than what was read before').to.be.at.least(before);
        if (number > before) changes++;
        last.set(key, number);
      }
      process.kill('SIGKILL');
      memory.close();
      closeSync(fd);
      expect(found, 'lookups that found something').to.be.greaterThan(READS / 100);
      expect(changes, 'writes that were noticed').to.be.greaterThan(KEYS);
    });
  }
});
