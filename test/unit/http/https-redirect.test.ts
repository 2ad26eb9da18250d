import { expect } from 'chai';
import { httpsRedirect } from '../../../src/http/https-redirect.js';
import { RequestParser } from '../../../src/http/parser.js';
import { DEFAULT_LIMITS } from '../../helpers/corpus.js';

/** Status and Location; undefined when there is no redirect. */
function redirect(request: string, port = 3443): string | undefined {
  const parser = new RequestParser(DEFAULT_LIMITS);
  const bytes = Buffer.from(`${request}\r\n\r\n`, 'latin1');
  parser.feed(bytes, bytes.length);
  expect(parser.next()).to.equal('head');
  const reply = httpsRedirect(parser.head, port);
  return reply && `${reply.status} ${/Location: (.*)\r\n/.exec(reply.fields)?.[1]}`;
}

describe('http/https-redirect', () => {
  it('leads to the same host, path and query', () => {
    expect(redirect('GET /a/b?c=d HTTP/1.1\r\nHost: x.test:3000')).to.equal(
      '301 https://x.test:3443/a/b?c=d',
    );
    expect(redirect('GET / HTTP/1.1\r\nHost: x.test', 443)).to.equal('301 https://x.test/');
    expect(redirect('GET / HTTP/1.1\r\nHost: [::1]:80')).to.equal('301 https://[::1]:3443/');
    expect(redirect('GET http://y.test/p?q HTTP/1.1\r\nHost: x.test')).to.equal(
      '301 https://x.test:3443/p?q',
    );
    expect(redirect('GET /\xc3\xa4?\xff HTTP/1.1\r\nHost: x')).to.equal('301 https://x:3443/%C3%A4?%FF');
  });

  it('keeps the method where it matters', () => {
    expect(redirect('HEAD / HTTP/1.1\r\nHost: x')).to.match(/^301 /);
    expect(redirect('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0')).to.match(/^308 /);
  });

  it('is not there for what has no other address', () => {
    expect(redirect('OPTIONS * HTTP/1.1\r\nHost: x')).to.equal(undefined);
    expect(redirect('GET / HTTP/1.0')).to.equal(undefined);
  });
});
