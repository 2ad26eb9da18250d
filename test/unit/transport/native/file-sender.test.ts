import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import { expect } from 'chai';
import type { OpenFile, SendFileOutcome } from '../../../../src/transport/connection.js';
import { type Sink, sendParts } from '../../../../src/transport/native/file-sender.js';
import { TestDirectory } from '../../../helpers/directory.js';

const SIZE = 300_000;

/** A connection whose files lie where sendfile(2) fails. */
class RefusingSink implements Sink {
  readonly #code: string;
  received = Buffer.alloc(0);
  onFlushed: () => boolean = () => true;

  constructor(code: string) {
    this.#code = code;
  }

  write(bytes: Uint8Array): void {
    // Copied: the sender may use its buffer again as soon as they have left.
    this.received = Buffer.concat([this.received, bytes]);
  }

  async flushed(): Promise<boolean> {
    return this.onFlushed();
  }

  async finished(): Promise<boolean> {
    return true;
  }

  sendSlice(): Promise<SendFileOutcome> {
    return Promise.reject(Object.assign(new Error(`sendfile ${this.#code}`), { code: this.#code }));
  }
}

describe('transport/native/file-sender', () => {
  let directory: TestDirectory;
  let content: Buffer;
  let file: OpenFile;

  beforeEach(() => {
    directory = new TestDirectory();
    content = randomBytes(SIZE);
    const fd = fs.openSync(directory.write('large.bin', content), 'r+');
    file = { fd, unchanged: () => true, close: () => fs.closeSync(fd) };
  });
  afterEach(() => {
    file.close();
    directory.remove();
  });

  it('reads the file where the file system has no sendfile', async () => {
    const sink = new RefusingSink('EINVAL');
    const parts = [Buffer.from('before '), { offset: 7, length: SIZE - 7 }];
    expect(await sendParts(sink, file, parts)).to.equal('sent');
    expect(sink.received.equals(Buffer.concat([Buffer.from('before '), content.subarray(7)]))).to.equal(true);
  });

  it('does not send less than was promised there', async () => {
    const sink = new RefusingSink('EINVAL');
    sink.onFlushed = () => {
      if (sink.received.length > 0) fs.ftruncateSync(file.fd, 100_000);
      return true;
    };
    expect(await sendParts(sink, file, [{ offset: 0, length: SIZE }])).to.equal('changed');
  });

  it('stops when the client leaves', async () => {
    const sink = new RefusingSink('EINVAL');
    sink.onFlushed = () => sink.received.length === 0;
    expect(await sendParts(sink, file, [{ offset: 0, length: SIZE }])).to.equal('closed');
  });

  it('tells of a disk that fails', async () => {
    const sending = sendParts(new RefusingSink('EIO'), file, [{ offset: 0, length: SIZE }]);
    expect(await sending.catch((error: Error) => error.message)).to.equal('sendfile EIO');
  });
});
