import { closeSync, fstatSync, openSync, writeSync } from 'node:fs';
import { expect } from 'chai';
import { type Mapping, mapFile, memoryFile } from '../../../src/posix/shared-memory.js';
import { close } from '../../../src/posix/sockets.js';
import { runNative } from '../../helpers/native-child.js';

const BYTES = 4096;

describe('posix/shared-memory', () => {
  let fd: number;
  let mapping: Mapping;

  beforeEach(() => {
    fd = memoryFile('handover-test');
    writeSync(fd, Buffer.alloc(BYTES));
    mapping = mapFile(fd, BYTES);
  });
  afterEach(() => {
    mapping.unmap();
    close(fd);
  });

  it('is zero where nothing was written, and as long as was asked for', () => {
    expect(mapping.buffer.byteLength).to.equal(BYTES);
    expect(new Uint8Array(mapping.buffer).every((byte) => byte === 0)).to.equal(true);
  });

  it('is the same for whoever maps the file, and what is written to it', () => {
    const again = mapFile(fd, BYTES);
    new Float64Array(mapping.buffer)[3] = 1.5;
    expect(new Float64Array(again.buffer)[3]).to.equal(1.5);
    writeSync(fd, Buffer.from(Float64Array.of(2.5).buffer), 0, 8, 24);
    expect(new Float64Array(mapping.buffer)[3]).to.equal(2.5);
    again.unmap();
    expect(new Float64Array(mapping.buffer)[3], 'still mapped once').to.equal(2.5);
  });

  it('is the same for several processes, which count in it without losing any', async () => {
    const [words, times] = [4, 200_000];
    const counters = new Int32Array(mapping.buffer);
    const children = [1, 2].map(() => runNative('count', [words, times], [fd]));
    for (let i = 0; i < times; i++) for (let word = 0; word < words; word++) Atomics.add(counters, word, 1);
    expect(await Promise.all(children)).to.deep.equal(['done', 'done']);
    expect([...counters.subarray(0, words)]).to.deep.equal(Array(words).fill(3 * times));
  });

  it('has no name in any directory', () => {
    expect(fstatSync(fd).nlink).to.equal(0);
  });

  it('cannot be had of a descriptor that is not open, or not a file, or not writable', () => {
    const readOnly = openSync('/proc/self/exe', 'r');
    for (const [bad, code] of [
      [999_999, 'EBADF'],
      [readOnly, 'EACCES'],
    ] as const) {
      expect(() => mapFile(bad, BYTES))
        .to.throw(Error, `mmap ${code}`)
        .that.includes({ code, syscall: 'mmap' });
    }
    closeSync(readOnly);
    expect(() => mapFile(fd, 0)).to.throw(Error, 'mmap EINVAL');
  });
});
