import { expect } from 'chai';
import fc from 'fast-check';
import { djb2 } from '../../../src/cache/djb2.js';
import { type ParserState, RequestParser } from '../../../src/getfile/request-parser.js';
import { requestFor } from '../../../src/getfile/wire.js';

const MAX_PATH_BYTES = 64;

/** What a parser says to bytes that come in these pieces, each in a buffer that is used again at once. */
function parse(pieces: readonly Buffer[], maxPathBytes = MAX_PATH_BYTES) {
  const parser = new RequestParser(maxPathBytes);
  let state: ParserState = 'more';
  let path: string | undefined;
  for (const piece of pieces) {
    const shared = Buffer.concat([piece, Buffer.from('behind')]);
    const before = state;
    state = parser.feed(shared, piece.length);
    if (before === 'more' && state === 'request') path = parser.head.path;
    shared.fill('!');
  }
  return { state, path, unused: parser.unused.toString('latin1'), hasSurplus: parser.hasSurplus };
}

function splits(bytes: Buffer): Buffer[][] {
  const twice = Array.from(bytes.keys(), (at) => [bytes.subarray(0, at), bytes.subarray(at)]);
  return [[bytes], ...twice, Array.from(bytes.keys(), (at) => bytes.subarray(at, at + 1))];
}

describe('getfile/request-parser', () => {
  for (const path of ['/', '/a', '/dir/a%20b.txt', '/a?b#c', '/caf\u00c3\u00a9', '//', '/..', '/GETFILE']) {
    it(`reads ${JSON.stringify(path)}, however it comes`, () => {
      for (const pieces of splits(requestFor(path))) {
        expect(parse(pieces)).to.deep.equal({ state: 'request', path, unused: '', hasSurplus: false });
      }
    });
  }

  it('gives the file layer what it asks of a request', () => {
    const parser = new RequestParser(MAX_PATH_BYTES);
    const bytes = Buffer.concat([requestFor('/dir/a.txt'), Buffer.from('more')]);
    parser.feed(bytes, bytes.length);
    const { head } = parser;
    for (const one of [head, head.retain()]) {
      expect([one.method, one.methodText, one.target, one.path]).to.deep.equal([
        'GET',
        'GET',
        '/dir/a.txt',
        '/dir/a.txt',
      ]);
      expect(one.keyHash).to.equal(djb2(Buffer.from('/dir/a.txt')));
      expect([one.keepAlive, one.present, one.field('accept-encoding')]).to.deep.equal([false, 0, undefined]);
    }
  });

  const garbage: readonly [what: string, text: string, wrongAt: number][] = [
    ['HTTP', 'GET / HTTP/1.1\r\nHost: a\r\n\r\n', 3],
    ['another method', 'GETFILE PUT /a\r\n\r\n', 8],
    ['lower case', 'getfile get /a\r\n\r\n', 0],
    ['a path without a slash', 'GETFILE GET a\r\n\r\n', 12],
    ['no path', 'GETFILE GET \r\n\r\n', 12],
    ['a space too many', 'GETFILE  GET /a\r\n\r\n', 8],
    ['a space in the path', 'GETFILE GET /a b\r\n\r\n', 14],
    ['a tab', 'GETFILE GET /a\t\r\n\r\n', 14],
    ['NUL', 'GETFILE GET /a\0\r\n\r\n', 14],
    ['DEL', 'GETFILE GET /a\x7f\r\n\r\n', 14],
    ['line ends of one byte', 'GETFILE GET /a\n\n', 14],
    ['half a line end', 'GETFILE GET /a\rb', 15],
    ['a field', 'GETFILE GET /a\r\nHost: a\r\n\r\n', 16],
    ['CR in the place of LF', 'GETFILE GET /a\r\n\r\r', 17],
    ['TLS', '\x16\x03\x01\x02\0', 0],
    ['an empty line before', '\r\nGETFILE GET /a\r\n\r\n', 0],
  ];
  for (const [what, text, wrongAt] of garbage) {
    it(`refuses ${what}, at the first byte that is wrong`, () => {
      const bytes = Buffer.from(text, 'latin1');
      for (const pieces of splits(bytes)) expect(parse(pieces).state).to.equal('invalid');
      expect(parse([bytes.subarray(0, wrongAt)]).state).to.equal('more');
      expect(parse([bytes.subarray(0, wrongAt + 1)]).state).to.equal('invalid');
    });
  }

  it('takes the longest path, and refuses a longer one before it has come to its end', () => {
    const longest = `/${'x'.repeat(MAX_PATH_BYTES - 1)}`;
    for (const pieces of splits(requestFor(longest))) expect(parse(pieces).path).to.equal(longest);
    for (const pieces of splits(requestFor(`${longest}x`))) expect(parse(pieces).state).to.equal('too-long');
    expect(parse([Buffer.from(`GETFILE GET ${longest}`)]).state).to.equal('more');
    expect(parse([Buffer.from(`GETFILE GET ${longest}x`)]).state).to.equal('too-long');
  });

  it('keeps what is not whole for the next owner of the connection', () => {
    const bytes = requestFor('/a/b');
    for (let at = 0; at < bytes.length; at++) {
      const { unused } = parse([bytes.subarray(0, at >> 1), bytes.subarray(at >> 1, at)]);
      expect(unused).to.equal(bytes.toString('latin1', 0, at));
      expect(parse([Buffer.from(unused, 'latin1'), bytes.subarray(at)]).path).to.equal('/a/b');
    }
  });

  it('tells that a client has sent more than its request, with it or later', () => {
    expect(parse([Buffer.from('GETFILE GET /a\r\n\r\n\n')])).to.include({
      state: 'request',
      hasSurplus: true,
    });
    const later = parse([requestFor('/a'), requestFor('/b')]);
    expect(later).to.deep.equal({ state: 'request', path: '/a', unused: '', hasSurplus: true });
    expect(parse([Buffer.from('GETFILE GET /a\r\n\rx'), Buffer.from('y')]).state).to.equal('invalid');
  });

  it('says the same of any bytes, however they are split', () => {
    const part = fc.constantFrom('GETFILE ', 'GET ', '/', 'a', '\r', '\n', '\r\n\r\n', ' ', '\0', '\xff');
    const text = fc.oneof(
      fc.array(part, { maxLength: 12 }).map((parts) => parts.join('')),
      fc.string(),
    );
    fc.assert(
      fc.property(text, fc.array(fc.nat(20), { maxLength: 8 }), (sent, sizes) => {
        const bytes = Buffer.from(sent, 'latin1');
        const pieces: Buffer[] = [];
        let at = 0;
        for (const size of sizes) {
          pieces.push(bytes.subarray(at, at + size));
          at += size;
        }
        pieces.push(bytes.subarray(at));
        expect(parse(pieces)).to.deep.equal(parse([bytes]));
      }),
    );
  });
});
