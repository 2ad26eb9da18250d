import { expect } from 'chai';
import { Clock } from '../../../src/http/clock.js';
import type { Reply } from '../../../src/http/reply.js';
import { interimHead, PreparedReply, serialiseHead } from '../../../src/http/serialise.js';

const NOW_MS = 784_111_777_000;
const DATE = 'Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n';
const LATER_DATE = 'Date: Sun, 06 Nov 1994 08:49:38 GMT\r\n';
const FIELDS = 'Content-Length: 3\r\n';

function reply(overrides: Partial<Reply> = {}): Reply {
  return { status: 200, fields: FIELDS, body: null, cache: '', close: false, ...overrides };
}

function text(buffers: readonly Buffer[]): string {
  return Buffer.concat(buffers).toString('latin1');
}

describe('http/serialise', () => {
  let clock: Clock;

  beforeEach(() => {
    clock = new Clock(NOW_MS, 0);
  });

  describe('interimHead', () => {
    it('has a status line and the fields it is given, and says nothing itself', () => {
      expect(interimHead(103, 'Link: \xe9\r\n').toString('latin1')).to.equal(
        'HTTP/1.1 103 Early Hints\r\nLink: \xe9\r\n\r\n',
      );
      expect(interimHead(199, '').toString('latin1')).to.equal('HTTP/1.1 199 \r\n\r\n');
    });
  });

  describe('serialiseHead', () => {
    it('has status line, Date, Server, the fields of the reply and an empty line', () => {
      expect(serialiseHead(reply(), clock, '').toString('latin1')).to.equal(
        `HTTP/1.1 200 OK\r\n${DATE}Server: handover\r\n${FIELDS}\r\n`,
      );
    });

    it('says how it goes on, whether it was cached, and what else there is', () => {
      const head = serialiseHead(reply({ status: 404, cache: 'MISS' }), clock, 'close', 'X: y\r\n');
      expect(head.toString('latin1')).to.equal(
        `HTTP/1.1 404 Not Found\r\n${DATE}Server: handover\r\nConnection: close\r\n${FIELDS}X-Cache: MISS\r\nX: y\r\n\r\n`,
      );
    });

    it('keeps the space before a reason that is not known (RFC 9112 section 4)', () => {
      expect(serialiseHead(reply({ status: 299 }), clock, '').toString('latin1')).to.match(
        /^HTTP\/1\.1 299 \r\n/,
      );
    });

    it('writes bytes above 0x7f as they are', () => {
      const head = serialiseHead(reply({ fields: 'X: \xe9\r\n' }), clock, '');
      expect(head.includes(Buffer.from('X: \xe9\r\n', 'latin1'))).to.equal(true);
    });
  });

  describe('PreparedReply', () => {
    const BODY = Buffer.from('abc');
    const wire = (date: string): string =>
      `HTTP/1.1 200 OK\r\n${date}Server: handover\r\n${FIELDS}X-Cache: HIT\r\n\r\nabc`;

    it('is the whole response', () => {
      expect(text(new PreparedReply(200, FIELDS, BODY, 'HIT').wire(clock, ''))).to.equal(wire(DATE));
    });

    it('is made once a second', () => {
      const prepared = new PreparedReply(200, FIELDS, BODY, 'HIT');
      const first = prepared.wire(clock, '');
      clock.update(NOW_MS + 999, 999);
      expect(prepared.wire(clock, '')).to.equal(first);
      clock.update(NOW_MS + 1000, 1000);
      expect(text(prepared.wire(clock, ''))).to.equal(wire(LATER_DATE));
    });

    it('leaves bytes alone that may still wait in a socket', () => {
      const prepared = new PreparedReply(200, FIELDS, BODY, 'HIT');
      const waiting = prepared.wire(clock, '');
      clock.update(NOW_MS + 1000, 1000);
      expect(text(prepared.wire(clock, ''))).to.equal(wire(LATER_DATE));
      expect(text(waiting)).to.equal(wire(DATE));
    });

    it('is in two pieces when the body is large, which is not copied', () => {
      const large = Buffer.alloc(64 * 1024 + 1, 'x');
      const buffers = new PreparedReply(200, FIELDS, large, 'HIT').wire(clock, '');
      expect(buffers).to.have.lengthOf(2);
      expect(buffers[1]).to.equal(large);
      expect(new PreparedReply(200, FIELDS, large.subarray(1), 'HIT').wire(clock, '')).to.have.lengthOf(1);
    });

    it('has no body for HEAD', () => {
      expect(text(new PreparedReply(200, FIELDS, null, 'HIT').wire(clock, ''))).to.equal(
        wire(DATE).slice(0, -3),
      );
    });
  });
});
