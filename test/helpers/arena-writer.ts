/**
 * Objects that tell whether they are whole: a number, their length and a checksum stand in the head. As a process it
 * does nothing but rewrite a small arena with them. Arguments: path of the arena, its length, mapping, keys.
 */
import { openSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { crc32 } from 'node:zlib';
import { shareBytes } from '../../src/posix/shared-bytes.js';
import type { ArenaObject } from '../../src/shared-cache/arena-reader.js';
import { ArenaWriter } from '../../src/shared-cache/arena-writer.js';

const SIZES = [0, 100, 5000, 60_000, 90_000, 100_000, 100_000];

/** The number in the object; throws when head and body do not belong together. */
export function numberOf({ head, body, bodyBytes }: ArenaObject): number {
  const [number, length, checksum] = head.toString().trim().split(' ').map(Number);
  if (body?.length !== length || bodyBytes !== length)
    throw new Error(`torn: ${head} with ${body?.length} bytes`);
  if (crc32(body!) !== checksum) throw new Error(`torn: the bytes of ${head} are others`);
  return number!;
}

export function headOf(number: number, body: Uint8Array): Buffer {
  return Buffer.from(`${number} ${body.length} ${crc32(body)}`);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const [path, lengthBytes, mapping, keys] = process.argv.slice(2) as [
    string,
    string,
    'mmap' | 'pread',
    string,
  ];
  const memory = shareBytes(openSync(path, 'r+'), Number(lengthBytes), mapping);
  const writer = new ArenaWriter(memory, Number(lengthBytes));
  let number = 0;
  const turn = (): void => {
    for (let i = 0; i < 200; i++) {
      number++;
      const key = Buffer.from(`key ${number % Number(keys)}`);
      const entry = writer.find(key.toString());
      if (entry !== undefined && number % 5 === 0) {
        // The same body, said by another number.
        const { body } = writer.read(entry);
        writer.freshen(entry, headOf(number, body));
        continue;
      }
      const body = Buffer.alloc(SIZES[(number * 5) % SIZES.length]!, number % 251);
      writer.put(key, headOf(number, body), [body]);
    }
    setImmediate(turn);
  };
  process.on('disconnect', () => process.exit());
  process.send?.('ready');
  turn();
}
