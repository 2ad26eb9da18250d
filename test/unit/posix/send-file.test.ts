import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import type { Socket } from 'node:net';
import { expect } from 'chai';
import { EAGAIN, EPIPE } from '../../../src/posix/constants.js';
import { sendFile } from '../../../src/posix/send-file.js';
import { close, shutdownWrite } from '../../../src/posix/sockets.js';
import { TestDirectory } from '../../helpers/directory.js';
import { eventually } from '../../helpers/eventually.js';
import { TestListener } from '../../helpers/sockets.js';

const GIB = 2 ** 30;

describe('posix/send-file', () => {
  let directory: TestDirectory;
  let file: number;
  let listener: TestListener;
  let client: Socket;
  let socket: number;
  let received: string;

  beforeEach(async () => {
    directory = new TestDirectory({ file: '' });
    file = openSync(directory.at('file'), 'r+');
    listener = new TestListener();
    ({ client, fd: socket } = await listener.connect());
    received = '';
    client.setEncoding('latin1').on('data', (text: string) => {
      received += text;
    });
  });
  afterEach(() => {
    close(socket);
    listener.close();
    closeSync(file);
    directory.remove();
  });

  async function expectReceived(text: string): Promise<void> {
    await eventually(
      () => received.length >= text.length || undefined,
      () => `${text}; there is ${received}`,
    );
    expect(received).to.equal(text);
  }

  it('sends part of a file, and leaves its position alone', async () => {
    writeSync(file, '0123456789');
    expect(sendFile(socket, file, 2, 5)).to.equal(5);
    expect(sendFile(socket, file, 0, 2)).to.equal(2);
    await expectReceived('2345601');
    writeSync(file, 'abc');
    expect(sendFile(socket, file, 8, 100)).to.equal(5);
    await expectReceived('234560189abc');
  });

  it('sends from behind 2, 4 and more GiB', async () => {
    const positions = [2 * GIB - 1, 4 * GIB - 1, 4 * GIB, 4 * GIB + 1, 9 * GIB + 12_345];
    ftruncateSync(file, 10 * GIB);
    positions.forEach((position, i) => void writeSync(file, String(i), position));
    for (const position of positions) expect(sendFile(socket, file, position, 1)).to.equal(1);
    await expectReceived('01234');
  });

  it('has 0 bytes at the end of the file and behind it', () => {
    writeSync(file, 'x');
    expect(sendFile(socket, file, 1, 10)).to.equal(0);
    expect(sendFile(socket, file, 5 * GIB, 10)).to.equal(0);
  });

  it('sends as much as there is room for, and then none', async () => {
    client.pause();
    ftruncateSync(file, GIB);
    const sent = sendFile(socket, file, 0, GIB);
    expect(sent).to.be.within(1, GIB - 1);
    const more = (): true | undefined => sendFile(socket, file, 0, GIB) === -EAGAIN || undefined;
    await eventually(more, () => 'a full buffer');
  });

  it('says what is wrong with either end', () => {
    writeSync(file, 'x');
    expect(sendFile(socket, 999_999, 0, 1), 'EBADF').to.equal(-9);
    shutdownWrite(socket);
    expect(sendFile(socket, file, 0, 1)).to.equal(-EPIPE);
  });
});
