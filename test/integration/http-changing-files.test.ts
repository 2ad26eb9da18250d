/** Files that change while they are sent: a response is whole and right, or it is seen not to be whole. */
import {
  appendFileSync,
  closeSync,
  openSync,
  renameSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { expect } from 'chai';
import { settled } from '../helpers/eventually.js';
import type { RawClient } from '../helpers/raw-client.js';
import { endOfHead, RawResponse } from '../helpers/raw-response.js';
import { TestServer } from '../helpers/server.js';

/** More than all the buffers between the file and a client that does not read. */
const SIZE = 24 * 1024 * 1024;
const OLD = Buffer.alloc(SIZE, 'o');

type Ending = { readonly whole: true; readonly body: Buffer } | { readonly whole: false };

describe('files that change while they are sent', () => {
  let server: TestServer;
  let client: RawClient;
  let path = '';
  before(async () => {
    server = await TestServer.start({ settings: { CACHE_REVALIDATE_MS: '0' } });
  });
  after(() => server?.stop());
  beforeEach(async () => {
    path = server.site.file('file.bin', OLD);
    await settled(path);
    client = await server.connect();
  });
  afterEach(() => client.destroy());

  /** Begins a download, stops reading, lets `change` happen, and reads on to whatever end there is. */
  const downloadAcross = async (change: () => void, ...fields: string[]): Promise<Ending> => {
    client.send(['GET /file.bin HTTP/1.1', 'Host: x', 'Connection: close', ...fields, '', ''].join('\r\n'));
    await new Promise((resolve) => client.socket.once('data', resolve));
    client.socket.pause();
    // The server has filled every buffer, and waits with the rest of the file unread.
    await server.standing();
    change();
    client.socket.resume();
    const { bytes } = await client.rest();
    const end = endOfHead(bytes)!;
    const head = new RawResponse(bytes.toString('latin1', 0, end), 'GET');
    const body = bytes.subarray(end);
    expect(body.length).to.be.at.most(head.bodyLength);
    return body.length === head.bodyLength ? { whole: true, body } : { whole: false };
  };

  it('is sent whole when it does not change', async () => {
    const ending = await downloadAcross(() => undefined);
    expect(ending.whole && ending.body.equals(OLD)).to.equal(true);
  });

  for (const [what, change] of [
    ['shrinks', () => truncateSync(path, SIZE / 2)],
    ['shrinks to nothing', () => truncateSync(path, 0)],
    ['grows', () => appendFileSync(path, 'more')],
    ['is written again, as long as before', () => writeFileSync(path, Buffer.alloc(SIZE, 'n'))],
    ['is written again, longer', () => writeFileSync(path, Buffer.alloc(SIZE + 1, 'n'))],
    ['changes in one byte near its end', () => overwrite(path, SIZE - 10)],
    ['changes in one byte that was sent already', () => overwrite(path, 10)],
    [
      'changes, and is given its old date again',
      () => {
        overwrite(path, SIZE - 10);
        utimesSync(path, 1_700_000_000, 1_700_000_000);
      },
    ],
  ] as const) {
    it(`is cut short when it ${what}`, async () => {
      if (what.includes('date')) utimesSync(path, 1_700_000_000, 1_700_000_000);
      await settled(path);
      expect((await downloadAcross(change)).whole).to.equal(false);
      await server.reported(/a file changed while it was sent/);
    });
  }

  for (const [what, change] of [
    ['is replaced', () => renameSync(server.site.file('new.bin', Buffer.alloc(SIZE, 'n')), path)],
    ['is removed', () => rmSync(path)],
  ] as const) {
    it(`is sent to its end, as it was, when it ${what}`, async () => {
      const ending = await downloadAcross(change);
      expect(ending.whole && ending.body.equals(OLD)).to.equal(true);
    });
  }

  it('is cut short in the middle of a range too', async () => {
    const ending = await downloadAcross(
      () => writeFileSync(path, Buffer.alloc(SIZE, 'n')),
      `Range: bytes=5-${SIZE - 5}`,
    );
    expect(ending.whole).to.equal(false);
  });

  it('is cut short in the middle of several ranges too', async () => {
    const range = `Range: bytes=0-${SIZE / 2 - 5},${SIZE / 2}-${SIZE - 5}`;
    const ending = await downloadAcross(() => writeFileSync(path, Buffer.alloc(SIZE, 'n')), range);
    expect(ending.whole).to.equal(false);
  });

  for (const [what, size] of [
    ['in memory', 600_000],
    ['from disk', 3_000_000],
  ] as const) {
    it(`is never mixed of two states, ${what}, however often it is written`, async () => {
      // At every moment the file holds one character, once or many times.
      const target = `/often-${size}.bin`;
      const file = server.site.file(target, Buffer.alloc(size, 'a'));
      let writes = 0;
      const write = () => writeFileSync(file, Buffer.alloc(size, 97 + (++writes % 26)));
      const download = async () => {
        for (let n = 0; n < 40; n++) {
          const other = await server.connect();
          other.send(`GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
          const { bytes } = await other.rest();
          const end = endOfHead(bytes);
          if (end === undefined) continue;
          const head = new RawResponse(bytes.toString('latin1', 0, end), 'GET');
          const body = bytes.subarray(end);
          if (head.status !== 200 || body.length !== head.bodyLength) continue;
          expect(body.equals(Buffer.alloc(body.length, body[0])), `${what}: mixed`).to.equal(true);
        }
      };
      let done = false;
      const writing = (async () => {
        while (!done) {
          write();
          await new Promise(setImmediate);
        }
      })();
      await Promise.all([download(), download()]);
      done = true;
      await writing;
      // When it is at rest it is served.
      expect((await server.get(target)).body.equals(Buffer.alloc(size, 97 + (writes % 26)))).to.equal(true);
    });
  }
});

/** Changes one byte of a file where it is. */
function overwrite(path: string, position: number): void {
  const fd = openSync(path, 'r+');
  writeSync(fd, 'X', position);
  closeSync(fd);
}
