import { closeSync, openSync } from 'node:fs';
import { expect } from 'chai';
import type { FilePart, OpenFile, SendFileOutcome } from '../../../src/transport/connection.js';
import { FilePump, type Sink } from '../../../src/transport/file-pump.js';
import { TestDirectory } from '../../helpers/directory.js';
import { Later } from '../../helpers/later.js';
import { pattern } from '../../helpers/transport-protocol.js';

const SIZE = 1_000_000;
const CONTENT = pattern(SIZE);

/** A connection that takes everything at once, and copies it: the pump may use its buffer again. */
class FakeSink implements Sink {
  readonly written: Buffer[] = [];
  largest = 0;
  /** Bytes that may be written before the connection is gone. */
  livesFor = Number.POSITIVE_INFINITY;
  #unflushed = 0;

  write(bytes: Uint8Array): void {
    this.written.push(Buffer.from(bytes));
    this.#unflushed += bytes.length;
    this.largest = Math.max(this.largest, this.#unflushed);
  }

  async flushed(): Promise<boolean> {
    this.#unflushed = 0;
    return this.bytes.length <= this.livesFor;
  }

  get bytes(): Buffer {
    return Buffer.concat(this.written);
  }
}

describe('transport/file-pump', () => {
  let directory: TestDirectory;
  let sink: FakeSink;
  let downloads: FilePump;
  let closed: number;
  let file: { fd: number; isSame: boolean } & OpenFile;

  beforeEach(() => {
    directory = new TestDirectory();
    sink = new FakeSink();
    downloads = new FilePump();
    closed = 0;
    file = {
      fd: openSync(directory.write('file', CONTENT), 'r'),
      isSame: true,
      unchanged: () => file.isSame,
      close: () => {
        closed++;
        if (closed === 1) closeSync(file.fd);
      },
    };
  });
  afterEach(() => {
    expect(closed, 'closed once, whatever happened').to.equal(1);
    directory.remove();
  });

  function pump(...parts: FilePart[]): Promise<SendFileOutcome> {
    return downloads.send(sink, file, parts);
  }

  it('sends slices and what stands between them, in order', async () => {
    const [before, between, after] = ['before', 'between', 'after'].map((text) => Buffer.from(text));
    const outcome = await pump(
      before!,
      { offset: 10, length: 20 },
      between!,
      { offset: 0, length: SIZE },
      after!,
    );
    expect(outcome).to.equal('sent');
    const expected = Buffer.concat([before!, CONTENT.subarray(10, 30), between!, CONTENT, after!]);
    expect(sink.bytes.equals(expected)).to.equal(true);
  });

  it('holds no more than a piece in memory', async () => {
    await pump({ offset: 0, length: SIZE });
    expect(sink.largest).to.be.within(1, 256 * 1024);
  });

  it('holds the less of each download, the more of them stand still', async () => {
    const stalled = Array.from({ length: 2000 }, () => {
      const idle: OpenFile = { fd: -1, unchanged: () => true, close: () => undefined };
      const gone = new Later<boolean>();
      const ended = downloads.send({ write: () => undefined, flushed: () => gone.promise }, idle, [
        { offset: 0, length: SIZE },
      ]);
      return { gone, ended };
    });
    expect(await pump({ offset: 0, length: SIZE })).to.equal('sent');
    expect(sink.bytes.equals(CONTENT)).to.equal(true);
    expect(sink.largest * (stalled.length + 1)).to.be.within(1, 70 * 1024 * 1024);
    for (const { gone, ended } of stalled) {
      gone.resolve(false);
      expect(await ended).to.equal('closed');
    }
    expect(downloads.pieceBytes).to.equal(256 * 1024);
  });

  it('sends nothing but closes the file when there is nothing to send', async () => {
    expect(await pump()).to.equal('sent');
    expect(sink.bytes).to.have.lengthOf(0);
  });

  it('withholds the last bytes of a file that has changed', async () => {
    file.isSame = false;
    expect(await pump({ offset: 0, length: 10 })).to.equal('changed');
    expect(sink.bytes).to.have.lengthOf(0);
  });

  it('withholds the end of the last slice, and all behind it', async () => {
    file.isSame = false;
    expect(
      await pump({ offset: 0, length: 10 }, { offset: 0, length: 300_000 }, Buffer.from('end')),
    ).to.equal('changed');
    expect(sink.bytes.length).to.be.within(10, 10 + 299_999);
  });

  it('notices that the file is shorter than it was', async () => {
    expect(await pump({ offset: SIZE - 5, length: 10 }, Buffer.from('end'))).to.equal('changed');
    expect(sink.bytes).to.have.lengthOf(0);
  });

  it('stops when the connection is gone', async () => {
    sink.livesFor = 300_000;
    expect(await pump({ offset: 0, length: SIZE })).to.equal('closed');
    expect(sink.bytes.length).to.be.below(SIZE);
  });

  it('rejects when the disk fails', async () => {
    const code = await downloads.send(sink, { ...file, fd: 1_000_000 }, [{ offset: 0, length: 10 }]).then(
      () => 'sent',
      (error: NodeJS.ErrnoException) => error.code,
    );
    expect(code).to.equal('EBADF');
  });
});
