import { expect } from 'chai';
import { Clock } from '../../../src/http/clock.js';
import { h2Fields } from '../../../src/http/h2-response.js';
import { PreparedReply } from '../../../src/http/serialise.js';

const DATE = 'Sun, 06 Nov 1994 08:49:37 GMT';
const LINES = 'Content-Length: 3\r\nETag: "a:b"\r\n';

describe('http/h2-response', () => {
  const clock = new Clock(784_111_777_000, 0);

  it('has lower-case names, Date, Server and X-Cache', () => {
    const reply = { status: 200, fields: LINES, body: null, cache: 'HIT', close: true } as const;
    expect(h2Fields(reply, clock, 'Server-Timing: total;dur=1\r\n')).to.deep.equal({
      ':status': 200,
      server: 'handover',
      'content-length': '3',
      etag: '"a:b"',
      'x-cache': 'HIT',
      'server-timing': 'total;dur=1',
      date: DATE,
    });
  });

  it('keeps fields that come twice', () => {
    const reply = {
      status: 200,
      fields: 'Link: a\r\nLink: b\r\nLink: c\r\n',
      body: null,
      cache: '',
      close: false,
    } as const;
    expect(h2Fields(reply, clock).link).to.deep.equal(['a', 'b', 'c']);
  });

  it('gives a prepared reply the date of the moment', () => {
    const reply = new PreparedReply(200, LINES, null, 'HIT');
    const first = h2Fields(reply, clock, 'X: only once\r\n');
    const later = h2Fields(reply, new Clock(784_111_778_000, 0));
    expect(first.date).to.equal(DATE);
    const { x, ...lasting } = first;
    expect(x).to.equal('only once');
    expect(later).to.deep.equal({ ...lasting, date: DATE.replace('37', '38') });
  });
});
