import { expect } from 'chai';
import { h2Head } from '../../../src/http/h2-request.js';
import { HeadParser } from '../../../src/http/head-parser.js';
import { DEFAULT_LIMITS } from '../../helpers/corpus.js';

const BASE = [':method', 'GET', ':scheme', 'https', ':authority', 'a.test', ':path', '/x?y'];

/** The head as text, or the mistake. */
function head(...fields: string[]): string {
  const built = h2Head(fields);
  return 'error' in built ? `${built.error.status} ${built.error.message}` : built.bytes.toString('latin1');
}

describe('http/h2-request', () => {
  it('says in HTTP/1.1 what the fields say', () => {
    expect(head(...BASE, 'accept', '*/*', 'range', 'bytes=0-1')).to.equal(
      'GET /x?y HTTP/1.1\r\nhost: a.test\r\naccept: */*\r\nrange: bytes=0-1\r\n\r\n',
    );
  });

  it('takes Host where there is no :authority, and one of two that are alike', () => {
    const withoutAuthority = [':method', 'GET', ':scheme', 'https', ':path', '/'];
    expect(head(...withoutAuthority, 'host', 'b')).to.equal('GET / HTTP/1.1\r\nhost: b\r\n\r\n');
    expect(head(...BASE, 'host', 'a.test')).to.equal('GET /x?y HTTP/1.1\r\nhost: a.test\r\n\r\n');
    expect(head(...BASE, 'host', 'b.test')).to.equal('400 Host and :authority differ');
  });

  it('puts cookies together, and the authority of CONNECT in the place of the path', () => {
    expect(head(...BASE, 'cookie', 'a=1', 'cookie', 'b=2')).to.include('\r\ncookie: a=1; b=2\r\n\r\n');
    expect(head(':method', 'CONNECT', ':authority', 'a:443')).to.equal(
      'CONNECT a:443 HTTP/1.1\r\nhost: a:443\r\n\r\n',
    );
  });

  it('refuses whatever would read as something else in HTTP/1.1', () => {
    for (const bad of ['a\r\nx: y', 'a\nb', 'a\rb', 'a\0b']) {
      expect(head(...BASE, 'x', bad)).to.match(/^400 /);
      expect(head(...BASE, bad, 'x')).to.match(/^400 /);
      expect(head(':method', 'GET', ':authority', 'a', ':path', `/${bad}`)).to.match(/^400 /);
      expect(head(':method', 'GET', ':authority', bad, ':path', '/')).to.match(/^400 /);
      expect(head(':method', bad, ':authority', 'a', ':path', '/')).to.match(/^400 /);
    }
    expect(head(':method', 'GET', ':authority', 'a', ':path', '/ HTTP/1.1')).to.equal(
      '400 malformed request line',
    );
    expect(head(':method', 'GET /other', ':authority', 'a', ':path', '/')).to.equal(
      '400 malformed request line',
    );
    for (const name of ['connection', 'transfer-encoding', 'upgrade', 'keep-alive', 'proxy-connection']) {
      expect(head(...BASE, name, 'x')).to.equal('400 connection-specific field');
    }
  });

  it('leaves to the parser what it knows how to refuse', () => {
    const parser = new HeadParser(DEFAULT_LIMITS);
    for (const [fields, status] of [
      [[':method', 'GET', ':scheme', 'https', ':path', '/'], 400],
      [[...BASE, 'host', 'a.test', 'host', 'a.test'], 400],
      [[...BASE, 'a b', 'c'], 400],
      [[...BASE, 'content-length', 'x'], 400],
      [[':method', 'GET', ':authority', 'a', ':path', `/${'a'.repeat(DEFAULT_LIMITS.maxUrlBytes)}`], 414],
      [[...BASE, 'x', 'a'.repeat(DEFAULT_LIMITS.maxHeaderBytes)], 431],
      [[':authority', 'a'], 400],
    ] as const) {
      const built = h2Head(fields);
      if ('error' in built) throw new Error(built.error.message);
      expect(parser.parse(built.bytes, 0, built.bytes.length), fields.join(' ').slice(0, 80)).to.be.below(0);
      expect(parser.error?.status, fields.join(' ').slice(0, 80)).to.equal(status);
    }
  });
});
