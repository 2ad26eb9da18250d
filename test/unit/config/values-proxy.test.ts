import { expect } from 'chai';
import { proxyRules } from '../../../src/config/values-proxy.js';

describe('config/values-proxy', () => {
  for (const [text, prefix, upstreams] of [
    ['/api http://127.0.0.1:9000', '/api', ['http://127.0.0.1:9000']],
    [' /  https://a/b/ \t http://[::1]:1 ', '/', ['https://a/b/', 'http://[::1]:1']],
    ['/a%20b HTTP://a', '/a%20b', ['HTTP://a']],
  ] as const) {
    it(`takes ${JSON.stringify(text)}`, () => {
      const parsed = proxyRules.parse(text, { directory: '/' } as never);
      expect(parsed).to.deep.equal({ value: [{ prefix, upstreams }] });
      expect(proxyRules.format([{ prefix, upstreams }])).to.deep.equal([[prefix, ...upstreams].join(' ')]);
    });
  }

  it('takes off, and joins the rules of several lines', () => {
    expect(proxyRules.parse('off', {} as never)).to.deep.equal({ value: [] });
    const rules = [[{ prefix: '/a', upstreams: ['http://a'] }], [{ prefix: '/b', upstreams: ['http://b'] }]];
    expect(proxyRules.combine!(rules)).to.deep.equal(rules.flat());
  });

  for (const [text, problem] of [
    ['/api', /must be \/PREFIX URL/],
    ['api http://a', /api is no prefix of paths/],
    ['/api?x http://a', /no prefix of paths/],
    ['/api#x http://a', /no prefix of paths/],
    ['/a/../b http://a', /no request has \/a\/\.\.\/b in its path/],
    ['/a/%2e http://a', /no request has/],
    ['/\u00e4 http://a', /no request has/],
    ['/api ftp://a', /ftp:\/\/a is no http\(s\) URL/],
    ['/api a:9000', /no http\(s\) URL/],
    ['/api http://', /no http\(s\) URL/],
    ['/api http://a:99999', /no http\(s\) URL/],
    ['/api http://a http://b:x', /http:\/\/b:x is no/],
    ['/api http://u:p@a', /password/],
    ['/api http://a/?x', /no \? and no #/],
    ['/api http://a/#x', /no \? and no #/],
  ] as const) {
    it(`refuses ${text}`, () => {
      const parsed = proxyRules.parse(text, {} as never);
      expect(parsed).to.have.property('problem').that.matches(problem);
      expect(parsed).to.have.property('hint').that.is.a('string');
    });
  }
});
