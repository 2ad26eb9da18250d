import { expect } from 'chai';
import { RequestParser } from '../../../src/http/parser.js';
import type { RequestHead } from '../../../src/http/request-head.js';
import { type RequestText, RequestTexts } from '../../../src/worker/request-text.js';
import { borrowedHead, spoil } from '../../helpers/heads.js';

function partsOf({ bytes, start, ...ends }: RequestText): string[] {
  const places = [
    start,
    ends.methodEnd,
    ends.targetEnd,
    ends.protocolEnd,
    ends.refererEnd,
    ends.userAgentEnd,
  ];
  const part = (from: number, to: number | undefined): string =>
    Buffer.from(bytes.subarray(from, to)).toString('latin1');
  return places.slice(0, -1).map((from, i) => part(from, places[i + 1]));
}

/** What is read of a request, be it refused or not whole. */
function headIn(text: string): RequestHead {
  const parser = new RequestParser({ maxUrlBytes: 100, maxHeaderBytes: 200 });
  const bytes = Buffer.from(`\r\n${text}`, 'latin1');
  parser.feed(bytes, bytes.length);
  return parser.next() === 'more' ? parser.unfinishedHead() : parser.head;
}

describe('worker/request-text', () => {
  it('has what the log says of a request, when its head is no more', () => {
    const fields = { Referer: 'https://a/\xe4', 'X-Other': 'x', 'User-Agent': 'one "two"' };
    const texts = new RequestTexts();
    const text = texts.of(borrowedHead('GET', '/a?b=\xfc', fields));
    const next = texts.of(borrowedHead('HEAD', '/'));
    spoil();
    const whole = ['GET', '/a?b=\xfc', 'HTTP/1.1', 'https://a/\xe4', 'one "two"'];
    expect(partsOf(text)).to.deep.equal(whole);
    expect(partsOf(next)).to.deep.equal(['HEAD', '/', 'HTTP/1.1', '', '']);
  });

  it('joins the lines of one name', () => {
    const head = headIn('GET / HTTP/1.0\r\nReferer: a\r\nUser-Agent: b\r\nReferer: c\r\n\r\n');
    expect(partsOf(new RequestTexts().of(head))).to.deep.equal(['GET', '/', 'HTTP/1.0', 'a, c', 'b']);
  });

  it('says the protocol where the head does not', () => {
    const text = new RequestTexts().of(borrowedHead('GET', '/'), 'HTTP/2.0');
    expect(partsOf(text)).to.deep.equal(['GET', '/', 'HTTP/2.0', '', '']);
  });

  it('has of a request that is refused what stands before the mistake', () => {
    for (const [text, parts] of [
      ['\x00', ['', '', '', '', '']],
      ['GE', ['', '', '', '', '']],
      ['GET /a b', ['GET', '/a', '', '', '']],
      [`GET /${'a'.repeat(200)} HTTP/1.1\r\n`, ['GET', `/${'a'.repeat(99)}`, '', '', '']],
      ['BREW /a HTTP/1.1\r\nUser-Agent: me\r\nno colon\r\n', ['BREW', '/a', 'HTTP/1.1', '', 'me']],
    ] as const) {
      expect(partsOf(new RequestTexts().of(headIn(text))), text).to.deep.equal(parts);
    }
  });

  it('holds texts that are longer than a chunk, and many', () => {
    const texts = new RequestTexts();
    const heads = Array.from({ length: 300 }, (_, i) => `/${'x'.repeat(i * 3)}`);
    const kept = heads.map((target) => texts.of(borrowedHead('GET', target, { Referer: target.repeat(9) })));
    kept.forEach((text, i) => {
      const target = heads[i]!;
      expect(partsOf(text)).to.deep.equal(['GET', target, 'HTTP/1.1', target.repeat(9), '']);
    });
  });
});
