import { Writable } from 'node:stream';
import { expect } from 'chai';
import { ChunkWriter } from '../../../../src/transport/secure/chunk-writer.js';

/** A stream that takes a piece when the test says so. */
class Taker extends Writable {
  readonly pieces: Buffer[] = [];
  #take: (() => void) | undefined;

  override _write(chunk: Buffer, _encoding: string, callback: () => void): void {
    this.pieces.push(chunk);
    this.#take = callback;
  }

  async take(): Promise<void> {
    this.#take?.();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe('transport/secure/chunk-writer', () => {
  let stream: Taker;
  let taken: number[];
  let writer: ChunkWriter;
  beforeEach(() => {
    stream = new Taker({ highWaterMark: 1 });
    taken = [];
    writer = new ChunkWriter(stream, (bytes) => taken.push(bytes));
  });

  it('writes nothing before it is flushed, and then small pieces as one', async () => {
    writer.add(Buffer.from('a'));
    writer.add(Buffer.from('b'));
    expect([stream.pieces.length, writer.unsentBytes]).to.deep.equal([0, 2]);
    writer.flush();
    expect(stream.pieces.map(String)).to.deep.equal(['ab']);
    expect(writer.unsentBytes).to.equal(2);
    await stream.take();
    expect([taken, writer.unsentBytes]).to.deep.equal([[2], 0]);
  });

  it('has one piece of a large body under way', async () => {
    const body = Buffer.alloc(200_000, 'large body ');
    writer.add(body);
    writer.flush();
    expect(stream.pieces).to.have.lengthOf(1);
    expect(stream.writableLength).to.equal(65_536);
    for (let i = 0; i < 4; i++) await stream.take();
    expect(Buffer.concat(stream.pieces).equals(body)).to.equal(true);
    expect(taken).to.deep.equal([65_536, 65_536, 65_536, 3_392]);
  });

  it('lets go what was added before the last flush, and no more', async () => {
    writer.add(Buffer.alloc(70_000, 'a'));
    writer.flush();
    writer.add(Buffer.from('not yet'));
    await stream.take();
    await stream.take();
    expect(Buffer.concat(stream.pieces).length).to.equal(70_000);
    writer.flush();
    await stream.take();
    expect(String(stream.pieces.at(-1))).to.equal('not yet');
  });

  it('ends the stream with the last piece, and says that it was taken', async () => {
    const ends: boolean[] = [];
    writer.add(Buffer.alloc(70_000, 'a'));
    writer.end();
    ends.push(stream.writableEnded);
    await stream.take();
    ends.push(stream.writableEnded);
    expect(taken).to.deep.equal([65_536]);
    await stream.take();
    expect(ends).to.deep.equal([false, true]);
    expect([taken, stream.writableFinished]).to.deep.equal([[65_536, 4464], true]);
    const other = new Taker();
    new ChunkWriter(other, () => undefined).end();
    expect(other.writableEnded, 'nothing to write').to.equal(true);
  });

  it('counts nothing of a stream that was destroyed', async () => {
    for (const end of [false, true]) {
      const broken = new Taker({ highWaterMark: 1 });
      const counted: number[] = [];
      const other = new ChunkWriter(broken, (bytes) => counted.push(bytes));
      other.add(Buffer.alloc(100));
      if (end) other.end();
      else other.flush();
      broken.destroy();
      await broken.take();
      expect(counted).to.deep.equal([]);
    }
  });
});
