import { expect } from 'chai';
import { type DiskReply, decide, isDiskReply } from '../../../src/files/decide.js';
import { Variant } from '../../../src/files/forms.js';
import type { CacheState, Reply } from '../../../src/http/reply.js';
import { foundVariant, MODIFIED, MODIFIED_MS } from '../../helpers/fake-tasks.js';
import { type Fields, headOf } from '../../helpers/heads.js';
import { fieldOf, textOf } from '../../helpers/replies.js';

const TEXT = '0123456789';
const ETAG = '"e"';
const NOW_MS = MODIFIED_MS + 3_600_000;
const EARLIER = 'Tue, 02 Jan 2024 03:04:04 GMT';

const IN_MEMORY = new Variant(
  foundVariant('/a', TEXT, { etag: ETAG }),
  'text/plain',
  'Cache-Control: no-cache\r\n',
  '',
);
const ON_DISK = new Variant(
  foundVariant('/a', TEXT, { etag: ETAG, body: null }),
  'text/plain',
  'Cache-Control: no-cache\r\n',
  '',
);

function decided(
  fields: Fields,
  method = 'GET',
  variant = IN_MEMORY,
  state: CacheState = 'HIT',
): Reply | DiskReply {
  return decide(headOf(method, '/a', fields), { variant, lastModifiedMs: MODIFIED_MS, state }, NOW_MS);
}

/** The reply, as one from memory. */
function reply(fields: Fields, method?: string, state?: CacheState): Reply {
  const made = decided(fields, method, IN_MEMORY, state);
  if (isDiskReply(made)) throw new Error('the body is on disk');
  return made;
}

const status = (fields: Fields, method?: string): number => reply(fields, method).status;

describe('files/decide', () => {
  it('sends the whole when nothing else is asked for', () => {
    expect(reply({})).to.equal(IN_MEMORY.hit);
    expect(reply({}, 'HEAD')).to.equal(IN_MEMORY.headHit);
  });

  it('says how the representation came to be at hand', () => {
    expect([reply({}, 'GET', 'MISS').cache, reply({}, 'HEAD', 'EXPIRED').cache]).to.deep.equal([
      'MISS',
      'EXPIRED',
    ]);
    expect(reply({ 'If-None-Match': ETAG }, 'GET', 'REVALIDATED').cache).to.equal('REVALIDATED');
    expect(reply({ Range: 'bytes=0-0' }, 'GET', 'MISS').cache).to.equal('MISS');
  });

  describe('conditions', () => {
    it('make 304, for HEAD too, without a body', () => {
      for (const method of ['GET', 'HEAD']) {
        expect(reply({ 'If-None-Match': ETAG }, method)).to.deep.include({ status: 304, body: null });
        expect(reply({ 'If-Modified-Since': MODIFIED }, method)).to.deep.include({ status: 304, body: null });
      }
    });

    it('in several lines are one list', () => {
      expect(status({ 'If-None-Match': '"x"', 'if-none-match': ETAG })).to.equal(304);
    });

    it('are taken in the order of RFC 9110 section 13.2.2', () => {
      const cases: readonly [Fields, number][] = [
        [{ 'If-Match': '"x"', 'If-None-Match': ETAG }, 412],
        [{ 'If-Match': ETAG, 'If-None-Match': ETAG }, 304],
        [{ 'If-Match': ETAG, 'If-Unmodified-Since': EARLIER }, 200],
        [{ 'If-Unmodified-Since': EARLIER, 'If-None-Match': ETAG }, 412],
        [{ 'If-None-Match': '"x"', 'If-Modified-Since': MODIFIED }, 200],
        [{ 'If-None-Match': ETAG, 'If-Modified-Since': EARLIER }, 304],
        [{ 'If-Match': '*', 'If-Modified-Since': MODIFIED }, 304],
        [{ 'If-Match': `W/${ETAG}` }, 412],
        [{ 'If-None-Match': `W/${ETAG}` }, 304],
      ];
      for (const [fields, expected] of cases)
        expect(status(fields), JSON.stringify(fields)).to.equal(expected);
    });

    it('come before ranges', () => {
      expect(status({ 'If-None-Match': ETAG, Range: 'bytes=0-1' })).to.equal(304);
      expect(status({ 'If-Match': '"x"', Range: 'bytes=0-1' })).to.equal(412);
      expect(status({ 'If-None-Match': ETAG, Range: 'bytes=99-' })).to.equal(304);
    });

    it('on what has no date go by its tag alone', () => {
      const listing = (fields: Fields): number => {
        const head = headOf('GET', '/', fields);
        return (
          decide(head, { variant: IN_MEMORY, lastModifiedMs: undefined, state: 'HIT' }, NOW_MS) as Reply
        ).status;
      };
      expect(listing({ 'If-Modified-Since': 'Fri, 01 Jan 2038 00:00:00 GMT' })).to.equal(200);
      expect(listing({ 'If-Unmodified-Since': 'Fri, 01 Jan 1999 00:00:00 GMT' })).to.equal(200);
      expect(listing({ 'If-None-Match': ETAG })).to.equal(304);
      expect(listing({ Range: 'bytes=0-1', 'If-Range': 'Fri, 01 Jan 2038 00:00:00 GMT' })).to.equal(200);
    });

    it('refuse without a body for HEAD', () => {
      expect(reply({ 'If-Match': '"x"' }, 'HEAD')).to.deep.include({ status: 412, body: null });
    });
  });

  describe('ranges', () => {
    it('send a part, with its place', () => {
      const part = reply({ Range: 'bytes=2-4' });
      expect([part.status, textOf(part), fieldOf(part, 'content-range')]).to.deep.equal([
        206,
        '234',
        'bytes 2-4/10',
      ]);
      expect([fieldOf(part, 'content-length'), fieldOf(part, 'content-type')]).to.deep.equal([
        '3',
        'text/plain',
      ]);
      expect([fieldOf(part, 'etag'), fieldOf(part, 'cache-control')]).to.deep.equal([ETAG, 'no-cache']);
    });

    it('send the first byte, the last bytes, and what there is of too many', () => {
      expect(
        ['bytes=0-0', 'bytes=-2', 'bytes=8-99', 'bytes=-99'].map((value) => textOf(reply({ Range: value }))),
      ).to.deep.equal(['0', '89', '89', TEXT]);
    });

    it('send several as multipart, exactly as long as they say', () => {
      const parts = reply({ Range: 'bytes=0-1,4-5' });
      const [, boundary] = /^multipart\/byteranges; boundary=(\w+)$/.exec(fieldOf(parts, 'content-type')!)!;
      expect(textOf(parts)).to.equal(
        `--${boundary}\r\nContent-Type: text/plain\r\nContent-Range: bytes 0-1/10\r\n\r\n01\r\n` +
          `--${boundary}\r\nContent-Type: text/plain\r\nContent-Range: bytes 4-5/10\r\n\r\n45\r\n--${boundary}--\r\n`,
      );
      expect(fieldOf(parts, 'content-length')).to.equal(String(textOf(parts).length));
      expect(fieldOf(parts, 'content-range')).to.equal(undefined);
    });

    it('that cannot be satisfied are 416 with the size', () => {
      for (const value of ['bytes=10-', 'bytes=-0', 'bytes=99-100']) {
        const refusal = reply({ Range: value });
        expect([refusal.status, fieldOf(refusal, 'content-range')], value).to.deep.equal([416, 'bytes */10']);
      }
    });

    it('that are none are ignored', () => {
      for (const value of ['bytes=5-2', 'items=0-1', 'bytes=', 'bytes=a-b', '0-1', 'bytes=0-1,x', 'bytes']) {
        expect(status({ Range: value }), value).to.equal(200);
      }
    });

    it('are for GET only', () => {
      expect(reply({ Range: 'bytes=0-1' }, 'HEAD')).to.equal(IN_MEMORY.headHit);
      expect(status({ Range: 'bytes=99-' }, 'HEAD')).to.equal(200);
    });

    it('go out when If-Range holds, and the whole when it does not', () => {
      const cases: readonly [string, number][] = [
        [ETAG, 206],
        [MODIFIED, 206],
        ['"x"', 200],
        [`W/${ETAG}`, 200],
        [EARLIER, 200],
        ['Wed, 03 Jan 2024 03:04:05 GMT', 200],
        ['nonsense', 200],
        [`${ETAG}, "x"`, 200],
      ];
      for (const [value, expected] of cases) {
        expect(status({ Range: 'bytes=0-1', 'If-Range': value }), value).to.equal(expected);
      }
      expect(status({ 'If-Range': ETAG })).to.equal(200);
      expect(status({ Range: 'bytes=99-', 'If-Range': '"x"' })).to.equal(200);
    });
  });

  describe('what lies on disk', () => {
    function onDisk(fields: Fields): DiskReply {
      const made = decided(fields, 'GET', ON_DISK, 'MISS');
      if (!isDiskReply(made)) throw new Error(`answered ${made.status}`);
      return made;
    }

    it('is sent as slices', () => {
      expect(onDisk({})).to.deep.include({ status: 200, parts: [{ offset: 0, length: 10 }] });
      expect(onDisk({ Range: 'bytes=-3' })).to.deep.include({
        status: 206,
        parts: [{ offset: 7, length: 3 }],
      });
    });

    it('is sent as slices with bytes between them, together as long as is said', () => {
      const { parts, fields } = onDisk({ Range: 'bytes=0-1,4-5' });
      expect(parts).to.have.lengthOf(5);
      expect([parts[1], parts[3]]).to.deep.equal([
        { offset: 0, length: 2 },
        { offset: 4, length: 2 },
      ]);
      const length = parts.reduce((sum, part) => sum + part.length, 0);
      expect(fieldOf({ fields }, 'content-length')).to.equal(String(length));
    });

    it('is not opened for what needs no body', () => {
      for (const fields of [{ 'If-None-Match': ETAG }, { 'If-Match': '"x"' }, { Range: 'bytes=10-' }]) {
        expect(isDiskReply(decided(fields, 'GET', ON_DISK))).to.equal(false);
      }
      expect(isDiskReply(decided({}, 'HEAD', ON_DISK))).to.equal(false);
    });
  });
});
