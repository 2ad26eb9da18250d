/** Parts of files: from memory, from disk and of compressed forms; downloads that are resumed. */
import { appendFileSync, truncateSync } from 'node:fs';
import { expect } from 'chai';
import { settled } from '../helpers/eventually.js';
import type { RawResponse } from '../helpers/raw-response.js';
import { TestServer } from '../helpers/server.js';

const SMALL = Buffer.from('0123456789');
/** Above CACHE_MAX_FILE_KB, so that it is sent from disk. No two places are alike. */
const LARGE = Buffer.from(Array.from({ length: 300_000 }, (_, n) => String(n).padStart(6, '0')).join(''));

describe('ranges', () => {
  let server: TestServer;
  before(async () => {
    server = await TestServer.start();
    server.site.file('small.bin', SMALL);
    server.site.file('large.bin', LARGE);
    server.site.file('empty.bin', '');
    server.site.file('one.bin', 'x');
    for (const name of ['small.bin', 'large.bin']) server.site.touch(name, 1_700_000_000);
    await settled(server.site.at('large.bin'));
  });
  after(() => server?.stop());

  const get = (target: string, range: string, fields = {}) => server.get(target, { Range: range, ...fields });

  for (const [target, content] of [
    ['/small.bin', SMALL],
    ['/large.bin', LARGE],
  ] as const) {
    describe(`of ${target}`, () => {
      const size = content.length;
      const last = size - 1;

      const expectPart = (response: RawResponse, first: number, end: number) => {
        expect(response.status).to.equal(206);
        expect(response.field('content-range')).to.equal(`bytes ${first}-${end}/${size}`);
        expect(response.field('content-length')).to.equal(String(end - first + 1));
        expect(response.body.equals(content.subarray(first, end + 1))).to.equal(true);
      };
      const expectWhole = (response: RawResponse) => {
        expect(response.status).to.equal(200);
        expect(response.field('content-range')).to.equal(undefined);
        expect(response.body.equals(content)).to.equal(true);
      };

      it('gives one part as it is', async () => {
        expectPart(await get(target, 'bytes=0-0'), 0, 0);
        expectPart(await get(target, 'bytes=2-5'), 2, 5);
        expectPart(await get(target, 'bytes=3-'), 3, last);
        expectPart(await get(target, 'bytes=0-'), 0, last);
        expectPart(await get(target, `bytes=${last}-`), last, last);
        expectPart(await get(target, 'Bytes= 2-5 '), 2, 5);
      });

      it('counts a suffix from the end', async () => {
        expectPart(await get(target, 'bytes=-1'), last, last);
        expectPart(await get(target, 'bytes=-5'), size - 5, last);
        expectPart(await get(target, `bytes=-${size}`), 0, last);
        expectPart(await get(target, 'bytes=-99999999999999999999'), 0, last);
      });

      it('stops at the end of the file', async () => {
        expectPart(await get(target, 'bytes=5-99999999'), 5, last);
        expectPart(await get(target, 'bytes=0-18446744073709551615'), 0, last);
        expectPart(await get(target, 'bytes=0-99999999999999999999999999'), 0, last);
      });

      it('has none beyond the end: 416 without the content', async () => {
        for (const range of [
          `bytes=${size}-`,
          `bytes=${size}-${size}`,
          'bytes=-0',
          'bytes=99999999999999999999-',
        ]) {
          const response = await get(target, range);
          expect(response.status, range).to.equal(416);
          expect(response.field('content-range')).to.equal(`bytes */${size}`);
          expect(response.body.length).to.be.below(2000);
          expect(response.text).not.to.include('0123456789');
        }
      });

      it('ignores what is no range of bytes', async () => {
        for (const range of [
          'bytes=5-2',
          'bytes=-',
          'bytes=',
          'bytes',
          'bytes=a-b',
          'bytes=0x0-0x5',
          'bytes=+0-5',
          'bytes=--5',
          'bytes=0-5-7',
          'bytes 0-5',
          'bytes=0 - 5',
          'items=0-3',
          'bytes=0-3;5-6',
          'bytes=0-1,x',
        ]) {
          expectWhole(await get(target, range));
        }
      });

      it('gives several parts as multipart/byteranges', async () => {
        const response = await get(target, 'bytes=0-0, 4-5,-1');
        expect(response.status).to.equal(206);
        expect(response.field('content-range')).to.equal(undefined);
        expect(partsOf(response)).to.deep.equal([
          {
            range: `bytes 0-0/${size}`,
            type: 'application/octet-stream',
            text: content.toString('latin1', 0, 1),
          },
          {
            range: `bytes 4-5/${size}`,
            type: 'application/octet-stream',
            text: content.toString('latin1', 4, 6),
          },
          {
            range: `bytes ${last}-${last}/${size}`,
            type: 'application/octet-stream',
            text: content.toString('latin1', last),
          },
        ]);
      });

      it('keeps the order of the client, joins what overlaps, and leaves out what is beyond the end', async () => {
        const swapped = partsOf(await get(target, 'bytes=5-6,0-1'));
        expect(swapped.map(({ range }) => range)).to.deep.equal([`bytes 5-6/${size}`, `bytes 0-1/${size}`]);
        expectPart(await get(target, 'bytes=0-2,1-4'), 0, 4);
        expectPart(await get(target, `bytes=0-2,${size}-`), 0, 2);
        expect((await get(target, `bytes=${size}-,${size + 5}-`)).status).to.equal(416);
      });

      it('is not made to send more than the whole', async () => {
        expectWhole(await get(target, `bytes=${Array.from({ length: 40 }, () => '0-').join(',')}`));
        expectWhole(
          await get(target, `bytes=${Array.from({ length: 1000 }, (_, n) => `${n}-${n}`).join(',')}`),
        );
        expectWhole(await get(target, 'bytes=0-,0-'));
      });

      it('says that it takes ranges, and repeats in a part what it says of the whole', async () => {
        const whole = await server.get(target);
        expect(whole.field('accept-ranges')).to.equal('bytes');
        const part = await get(target, 'bytes=0-1');
        for (const name of [
          'etag',
          'last-modified',
          'cache-control',
          'content-type',
          'vary',
          'x-content-type-options',
        ]) {
          expect(part.field(name), name).to.equal(whole.field(name));
        }
      });

      it('gives a part only while If-Range holds', async () => {
        const etag = (await server.get(target)).field('etag')!;
        const range = 'bytes=2-5';
        expectPart(await get(target, range, { 'If-Range': etag }), 2, 5);
        expectPart(await get(target, range, { 'If-Range': 'Tue, 14 Nov 2023 22:13:20 GMT' }), 2, 5);
        for (const other of [
          '"other"',
          `W/${etag}`,
          'Tue, 14 Nov 2023 22:13:21 GMT',
          'Tue, 14 Nov 2023 22:13:19 GMT',
          '*',
          'x',
        ]) {
          expectWhole(await get(target, range, { 'If-Range': other }));
        }
        // Of another state even an impossible range is no error.
        expectWhole(await get(target, 'bytes=99999999-', { 'If-Range': '"other"' }));
      });

      it('reads pieces together to the whole', async () => {
        const piece = Math.ceil(size / 7);
        const pieces: Buffer[] = [];
        for (let first = 0; first < size; first += piece) {
          pieces.push((await get(target, `bytes=${first}-${first + piece - 1}`)).body);
        }
        expect(Buffer.concat(pieces).equals(content)).to.equal(true);
      });
    });
  }

  it('of an empty file are ignored', async () => {
    for (const range of ['bytes=0-0', 'bytes=0-', 'bytes=-1']) {
      expect(await get('/empty.bin', range)).to.include({ status: 200, text: '' });
    }
  });

  it('of one byte are that byte', async () => {
    expect(await get('/one.bin', 'bytes=0-0')).to.include({ status: 206, text: 'x' });
    expect((await get('/one.bin', 'bytes=1-')).status).to.equal(416);
  });

  it('reach beyond four gigabytes', async () => {
    const size = 5 * 2 ** 30;
    const path = server.site.file('sparse.bin', '');
    truncateSync(path, size);
    appendFileSync(path, 'the end');
    expect((await server.request('HEAD', '/sparse.bin')).field('content-length')).to.equal(String(size + 7));
    const end = await get('/sparse.bin', 'bytes=-7');
    expect(end).to.include({ status: 206, text: 'the end' });
    expect(end.field('content-range')).to.equal(`bytes ${size}-${size + 6}/${size + 7}`);
    expect((await get('/sparse.bin', `bytes=${2 ** 32 - 2}-${2 ** 32 + 1}`)).text).to.equal('\0\0\0\0');
    expect((await get('/sparse.bin', `bytes=${size + 7}-`)).status).to.equal(416);
  });

  it('of several large parts come whole from disk, on a connection that goes on', async () => {
    const client = await server.connect();
    const range = 'bytes=0-599999,700000-1299999';
    const response = await client.exchange(`GET /large.bin HTTP/1.1\r\nHost: x\r\nRange: ${range}\r\n\r\n`);
    const [first, second] = partsOf(response);
    expect(first!.text === LARGE.toString('latin1', 0, 600_000)).to.equal(true);
    expect(second!.text === LARGE.toString('latin1', 700_000, 1_300_000)).to.equal(true);
    expect((await client.exchange('GET /small.bin HTTP/1.1\r\nHost: x\r\n\r\n')).body.equals(SMALL)).to.equal(
      true,
    );
    client.destroy();
  });

  it('never mix two states of a file in a download that is resumed', async () => {
    const fresh = await TestServer.start({ settings: { CACHE_REVALIDATE_MS: '0' } });
    try {
      for (const [name, content] of [
        ['small.bin', SMALL],
        ['large.bin', LARGE],
      ] as const) {
        const path = fresh.site.file(name, content);
        await settled(path);
        const begun = await fresh.get(`/${name}`, { Range: 'bytes=0-4' });
        const resume = { Range: 'bytes=5-', 'If-Range': begun.field('etag')! };
        expect((await fresh.get(`/${name}`, resume)).status).to.equal(206);
        // As long as before, so that only its state tells.
        fresh.site.file(name, Buffer.alloc(content.length, 'n'));
        const resumed = await fresh.get(`/${name}`, resume);
        expect(resumed.status, path).to.equal(200);
        expect(resumed.body.equals(Buffer.alloc(content.length, 'n'))).to.equal(true);
      }
    } finally {
      await fresh.stop();
    }
  });
});

interface Part {
  readonly range: string;
  readonly type: string;
  readonly text: string;
}

/** Reads a multipart/byteranges body strictly (RFC 2046 section 5.1.1). */
function partsOf(response: RawResponse): Part[] {
  const [, boundary] =
    /^multipart\/byteranges; boundary=([\w-]{1,70})$/.exec(response.field('content-type') ?? '') ?? [];
  if (boundary === undefined) throw new Error(`no multipart: ${response.head}`);
  const text = response.body.toString('latin1');
  const end = `\r\n--${boundary}--\r\n`;
  if (!text.startsWith(`--${boundary}\r\n`) || !text.endsWith(end)) throw new Error('malformed multipart');
  const inner = text.slice(boundary.length + 4, -end.length);
  return inner.split(`\r\n--${boundary}\r\n`).map((part) => {
    const [, type = '', range = '', content] =
      /^Content-Type: ([^\r]*)\r\nContent-Range: ([^\r]*)\r\n\r\n(.*)$/s.exec(part) ?? [];
    if (content === undefined) throw new Error(`malformed part: ${part.slice(0, 200)}`);
    return { range, type, text: content };
  });
}
