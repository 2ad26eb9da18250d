import { expect } from 'chai';
import type { ParserLimits } from '../../../src/http/head-parser.js';
import { RequestParser } from '../../../src/http/parser.js';
import { KNOWN_FIELDS } from '../../../src/http/request-head.js';
import { DEFAULT_LIMITS } from '../../helpers/corpus.js';

const REQUEST = 'GET /a HTTP/1.1\r\nHost: a\r\nUser-Agent: one\r\nUser-Agent: two\r\n\r\n';

function fed(text: string, limits: ParserLimits = DEFAULT_LIMITS): RequestParser {
  const parser = new RequestParser(limits);
  const bytes = Buffer.from(text, 'latin1');
  parser.feed(bytes, bytes.length);
  return parser;
}

describe('http/parser', () => {
  describe('what was not asked for', () => {
    it('is still there for the next owner', () => {
      const parser = fed(`${REQUEST}GET /b HTTP/1.1\r\nHo`);
      expect(parser.next()).to.equal('head');
      expect(parser.unused().toString()).to.equal('GET /b HTTP/1.1\r\nHo');
      expect(parser.buffered).to.equal(parser.unused().length);
    });

    it('is there behind a body too', () => {
      const parser = fed('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nabGET');
      expect([parser.next(), parser.inBody, parser.next(), parser.next(), parser.inBody]).to.deep.equal([
        'head',
        true,
        'content',
        'end',
        false,
      ]);
      expect(parser.unused().toString()).to.equal('GET');
    });

    it('begins with a head that is put back, which comes again', () => {
      const text = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nabGET';
      const parser = fed(`\r\n${text}`);
      expect(parser.next()).to.equal('head');
      parser.putBack();
      expect([parser.unused().toString(), parser.inBody]).to.deep.equal([text, false]);
      parser.hold();
      expect(parser.unused().toString()).to.equal(text);
      expect([parser.next(), parser.next(), parser.next()]).to.deep.equal(['head', 'content', 'end']);
      expect(parser.unused().toString()).to.equal('GET');
    });

    it('is a copy after hold, in a buffer that may be as large as what comes', () => {
      const parser = new RequestParser(DEFAULT_LIMITS);
      const large = Buffer.from(
        `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 300000\r\n\r\n${'x'.repeat(300_000)}`,
      );
      parser.feed(large, 10);
      parser.hold();
      parser.feed(large.subarray(10), large.length - 10);
      expect([parser.next(), parser.next(), parser.next()]).to.deep.equal(['head', 'content', 'end']);
      expect(parser.contentReceived).to.equal(300_000);
    });
  });

  describe('its buffer', () => {
    it('does not grow with the bytes of a connection that never rests', () => {
      const parser = new RequestParser(DEFAULT_LIMITS);
      const half = REQUEST.length / 2;
      let largest = 0;
      let heads = 0;
      for (let i = 0; i < 5000; i++) {
        const piece = Buffer.from(i % 2 === 0 ? REQUEST.slice(0, half) : REQUEST.slice(half) + REQUEST);
        parser.feed(piece, piece.length);
        while (parser.next() === 'head') heads++;
        parser.hold();
        largest = Math.max(largest, parser.bytes.length);
      }
      expect(heads).to.equal(5000);
      expect(largest).to.be.at.most(1024);
    });

    it('is let go of when nothing waits in it', () => {
      const parser = new RequestParser(DEFAULT_LIMITS);
      const piece = Buffer.from(REQUEST);
      parser.feed(piece, 10);
      parser.hold();
      parser.feed(piece.subarray(10), piece.length - 10);
      expect(parser.next()).to.equal('head');
      parser.hold();
      expect(parser.bytes.length).to.equal(0);
    });
  });

  describe('a head', () => {
    it('stays as it is in its copy while the next one is read', () => {
      const parser = fed(
        `GET http://a/x?y HTTP/1.0\r\nuser-agent: one\r\nConnection: keep-alive\r\n\r\n${REQUEST}`,
      );
      parser.next();
      const copy = parser.head.retain();
      parser.next();
      expect(parser.head.target).to.equal('/a');
      expect(copy).to.include({
        method: 'GET',
        minor: 0,
        keepAlive: true,
        target: 'http://a/x?y',
        path: '/x',
      });
      expect([copy.methodText, copy.query, copy.field('user-agent')]).to.deep.equal(['GET', '?y', 'one']);
      expect(copy.field('host')).to.equal(undefined);
    });

    it('gives the lines of its copy too as one list', () => {
      const parser = fed(REQUEST);
      parser.next();
      expect(parser.head.retain().field('user-agent')).to.equal('one, two');
    });

    it('knows every field it is asked for, in any case, and no other', () => {
      const others = KNOWN_FIELDS.filter(
        (name) => !['host', 'content-length', 'transfer-encoding', 'expect'].includes(name),
      );
      const lines = others.map(
        (name, i) => `${i % 2 === 0 ? name.toUpperCase() : name}: value of ${name}\r\n`,
      );
      const lookAlikes = others.map((name) => `${name}x: 1\r\nx${name}: 2\r\n${name.slice(1)}: 3\r\n`);
      const parser = fed(`GET / HTTP/1.1\r\nHost: a\r\n${lookAlikes.join('')}${lines.join('')}\r\n`);
      expect(parser.next()).to.equal('head');
      for (const name of others) expect(parser.head.field(name)).to.equal(`value of ${name}`);
      expect(parser.head.repeated).to.equal(0);
    });

    it('says how long it is', () => {
      const parser = fed(`\r\n${REQUEST}rest`);
      parser.next();
      expect(parser.head.length).to.equal(REQUEST.length);
    });
  });

  it('refuses an empty Host also before it has seen any other', async () => {
    const name = '../../../src/http/head-rules.js?fresh';
    const fresh = (await import(name)) as typeof import('../../../src/http/head-rules.js');
    const parser = fed('GET / HTTP/1.1\r\nHost:\r\n\r\n');
    expect(parser.next()).to.equal('error');
    expect(fresh.completeHead(parser.head)?.message).to.equal('invalid Host');
  });

  it('says an error again and again', () => {
    const parser = fed(`GET /\r\n${REQUEST}`);
    expect([parser.next(), parser.next()]).to.deep.equal(['error', 'error']);
  });

  it('reads the largest head byte by byte', () => {
    const { maxUrlBytes, maxHeaderBytes } = DEFAULT_LIMITS;
    const host = 'Host: a\r\n';
    const text = `GET /${'u'.repeat(maxUrlBytes - 1)} HTTP/1.1\r\n${host}X: ${'v'.repeat(maxHeaderBytes - host.length - 5)}\r\n\r\n`;
    const parser = new RequestParser(DEFAULT_LIMITS);
    const events = new Set<string>();
    for (const byte of Buffer.from(text)) {
      parser.feed(Buffer.of(byte), 1);
      events.add(parser.next());
      parser.hold();
    }
    expect([...events]).to.deep.equal(['more', 'head']);
  });
});
