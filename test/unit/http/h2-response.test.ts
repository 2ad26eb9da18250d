import { expect } from 'chai';
import { Clock } from '../../../src/http/clock.js';
import { h2Fields, h2InterimFields } from '../../../src/http/h2-response.js';
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

  it('joins fields that come twice, but for cookies, and knows none that are not there', () => {
    const reply = {
      status: 200,
      fields: 'Link: a\r\nLink: b\r\nSet-Cookie: a=1\r\nlink: c\r\nset-cookie: b=2\r\nConstructor: x\xa0\r\n',
      body: null,
      cache: '',
      close: false,
    } as const;
    const fields = h2Fields(reply, clock);
    expect(fields.link).to.equal('a, b, c');
    expect(fields['set-cookie']).to.deep.equal(['a=1', 'b=2']);
    expect(fields.constructor).to.equal('x\xa0');
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

  it('says nothing itself before a response', () => {
    const fields = h2InterimFields(103, 'Link: a\r\nLink: b\r\n');
    expect(fields).to.deep.equal({ ':status': 103, link: 'a, b' });
  });
});
