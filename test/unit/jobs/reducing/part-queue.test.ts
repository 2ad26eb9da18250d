import { expect } from 'chai';
import fc from 'fast-check';
import { PartQueue } from '../../../../src/jobs/reducing/part-queue.js';
import type { StoredPart } from '../../../../src/jobs/reduction.js';
import { TestDirectory } from '../../../helpers/directory.js';

const FILE_BYTES = 60;
const content = (seed: number): Buffer => Buffer.from(Array.from({ length: FILE_BYTES }, (_, i) => seed + i));

describe('jobs/reducing/part-queue', () => {
  const directory = new TestDirectory({ one: content(0), two: content(100) });
  after(() => directory.remove());

  function part(file: string, offset: number, bytes: number): StoredPart {
    return { name: `${file} ${offset} ${bytes}`, path: directory.at(file), offset, bytes };
  }

  /** All that is in the queue, as text: `name: bytes` of each part. */
  function drained(queue: PartQueue): string[] {
    const parts: string[] = [];
    const bytes: number[] = [];
    while (!queue.isEmpty) {
      for (const slice of queue.slices()) {
        bytes.push(...slice.bytes);
        if (slice.isLast) parts.push(`${slice.part.name}: ${bytes.splice(0)}`);
        queue.advance(slice);
      }
    }
    return [...parts, ...(bytes.length > 0 ? ['left over'] : [])];
  }

  function expected({ name, offset, bytes }: StoredPart): string {
    const all = content(name.startsWith('one') ? 0 : 100);
    return `${name}: ${[...all.subarray(offset, offset + bytes)]}`;
  }

  it('gives every part its bytes, wherever it lies', () => {
    const anyPart = fc
      .tuple(fc.constantFrom('one', 'two'), fc.nat(FILE_BYTES), fc.nat(30))
      .map(([file, offset, bytes]) => part(file, offset, Math.min(bytes, FILE_BYTES - offset)));
    fc.assert(
      fc.property(fc.array(anyPart), fc.integer({ min: 1, max: 20 }), (parts, bufferBytes) => {
        const queue = new PartQueue(Buffer.alloc(bufferBytes));
        queue.push(parts);
        expect(drained(queue)).to.deep.equal(parts.map(expected));
        queue.close();
      }),
    );
  });

  it('reads parts together that lie close together', () => {
    const queue = new PartQueue(Buffer.alloc(20));
    const parts = [
      part('one', 2, 4),
      part('one', 8, 0),
      part('one', 9, 13),
      part('one', 22, 1),
      part('two', 24, 1),
    ];
    queue.push(parts);
    expect(queue.slices().map((slice) => slice.part)).to.deep.equal(parts.slice(0, 3));
  });

  it('drops what is done with, however many there were', () => {
    const queue = new PartQueue(Buffer.alloc(20));
    const parts = Array.from({ length: 3000 }, (_, index) => part('one', index % FILE_BYTES, 1));
    queue.push(parts.slice(0, 2000));
    const [first] = queue.slices();
    if (first !== undefined) queue.advance(first);
    queue.push(parts.slice(2000));
    expect(drained(queue)).to.deep.equal(parts.slice(1).map(expected));
    queue.close();
  });

  it('goes on in a part after what was given', () => {
    const queue = new PartQueue(Buffer.alloc(4));
    queue.push([part('one', 0, 6)]);
    const [first] = queue.slices();
    expect([...(first?.bytes ?? [])]).to.deep.equal([0, 1, 2, 3]);
    if (first !== undefined) queue.advance(first);
    expect(queue.slices().map(({ bytes, isLast }) => ({ bytes: [...bytes], isLast }))).to.deep.equal([
      { bytes: [4, 5], isLast: true },
    ]);
    queue.close();
  });
});
