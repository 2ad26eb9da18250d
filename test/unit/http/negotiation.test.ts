import { expect } from 'chai';
import fc from 'fast-check';
import {
  acceptsHtml,
  chooseCoding,
  namesHtml,
  parseAcceptEncoding,
  prefersJson,
} from '../../../src/http/negotiation.js';
import type { Coding } from '../../../src/http/reply.js';

const ALL: readonly Coding[] = ['identity', 'gzip', 'zstd', 'br'];
const choose = (value: string | undefined, available = ALL): Coding | undefined =>
  chooseCoding(parseAcceptEncoding(value), available);

const CHROME = 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8';
const AXIOS = 'application/json, text/plain, */*';

describe('negotiation of the coding', () => {
  const cases: [string | undefined, Coding][] = [
    [undefined, 'identity'],
    ['', 'identity'],
    ['gzip', 'gzip'],
    ['gzip, deflate, br, zstd', 'br'],
    ['gzip, deflate, zstd', 'zstd'],
    ['GZip', 'gzip'],
    ['x-gzip', 'gzip'],
    ['deflate, compress', 'identity'],
    ['*', 'br'],
    ['*;q=0.5', 'br'],
    ['gzip;q=1.0, br;q=0.5', 'gzip'],
    ['gzip;q=0.001', 'gzip'],
    ['br;q=0.999, gzip', 'gzip'],
    ['gzip;q=0.5, identity', 'identity'],
    ['gzip, identity;q=0.5', 'gzip'],
    ['identity', 'identity'],
    ['br;q=0, *', 'zstd'],
    ['br;q=0, zstd;q=0, gzip;q=0', 'identity'],
    ['gzip;q=0, *;q=0', 'identity'],
    ['identity;q=0', 'identity'],
    ['identity;q=0, gzip', 'gzip'],
    ['*;q=0, gzip', 'gzip'],
    ['*;q=0.1, br;q=0', 'zstd'],
    // Malformed weights: the element does not count
    ['gzip;q=2', 'identity'],
    ['br;q=1.5, gzip;q=0.5', 'gzip'],
    ['br;q=0.1234, gzip', 'gzip'],
    // Whole tokens only
    ['xgzipx', 'identity'],
    ['gzip-like, brr', 'identity'],
    ['gzip br', 'identity'],
    // The same coding twice
    ['br, br;q=0, gzip', 'gzip'],
    ['x-gzip;q=0, gzip', 'identity'],
  ];
  for (const [value, expected] of cases) {
    it(`${JSON.stringify(value) ?? 'no field'}: ${expected}`, () => expect(choose(value)).to.equal(expected));
  }

  it('chooses among what is available', () => {
    expect(choose('br, gzip', ['identity', 'gzip'])).to.equal('gzip');
    expect(choose('br, zstd', ['identity', 'gzip'])).to.equal('identity');
    expect(choose('identity;q=0', ['identity'])).to.equal('identity');
    expect(choose('br', ['gzip'])).to.equal(undefined);
    expect(choose('br', [])).to.equal(undefined);
  });

  it('never gives a coding that the client excludes, and never fails while identity is there', () => {
    const element = fc
      .tuple(fc.constantFrom('br', 'zstd', 'gzip', 'x-gzip', 'BR', 'identity', '*', 'deflate'), fc.nat(4))
      .map(([name, quarters]) => ({ name, q: quarters / 4 }));
    const available = fc.subarray([...ALL]);
    fc.assert(
      fc.property(fc.array(element), available, (elements, codings) => {
        const chosen = choose(elements.map(({ name, q }) => `${name};q=${q}`).join(', '), codings);
        if (codings.includes('identity')) expect(chosen).not.to.equal(undefined);
        if (chosen === undefined || chosen === 'identity') return;
        expect(codings).to.include(chosen);
        const named = elements.filter(({ name }) => name.toLowerCase().replace('x-', '') === chosen);
        const counting = named.length > 0 ? named : elements.filter(({ name }) => name === '*');
        expect(Math.min(...counting.map(({ q }) => q)), chosen).to.be.within(0.25, 1);
      }),
      { numRuns: 1000 },
    );
  });

  it('takes any text', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (value) => ALL.includes(choose(value)!)));
  });
});

describe('negotiation of the media type', () => {
  it('accepts HTML by name, by wildcard and when nothing is said', () => {
    for (const accept of [
      undefined,
      '',
      CHROME,
      '*/*',
      'text/*',
      'TEXT/HTML;q=0.1',
      'text/html;level=1',
      AXIOS,
    ]) {
      expect(acceptsHtml(accept), String(accept)).to.equal(true);
    }
  });

  it('does not accept HTML that is excluded or not covered', () => {
    const others = [
      'application/json',
      'image/*',
      'text/html;q=0, */*',
      'text/*;q=0, */*',
      '*/*;q=0',
      'text/htm',
    ];
    for (const accept of others) expect(acceptsHtml(accept), accept).to.equal(false);
  });

  it('lets the more specific range decide', () => {
    expect(acceptsHtml('text/html, text/*;q=0, */*;q=0')).to.equal(true);
    expect(acceptsHtml('text/*, */*;q=0')).to.equal(true);
  });

  it('tells who asks for HTML by name', () => {
    for (const accept of [CHROME, 'text/html']) expect(namesHtml(accept), accept).to.equal(true);
    for (const accept of [undefined, '', '*/*', 'text/*', 'text/html;q=0', 'image/*,*/*;q=0.8']) {
      expect(namesHtml(accept), String(accept)).to.equal(false);
    }
  });

  it('prefers JSON when it is named and HTML is not liked as much', () => {
    const json = [
      'application/json',
      'Application/JSON; charset=utf-8',
      'application/json, text/html;q=0.9',
      'application/json;q=0.5, text/html;q=0.4',
      'application/json;q=0.2',
      AXIOS,
      'application/json, text/javascript, */*; q=0.01',
    ];
    for (const accept of json) expect(prefersJson(accept), accept).to.equal(true);
  });

  it('prefers HTML otherwise', () => {
    const html = [
      undefined,
      '',
      CHROME,
      '*/*',
      'application/*',
      'application/json, text/html',
      'text/html, application/json;q=0.9',
      'application/json;q=0.5, */*',
      'application/json;q=0',
      'application/jsonx',
      'application/json;q=9',
    ];
    for (const accept of html) expect(prefersJson(accept), String(accept)).to.equal(false);
  });

  it('never prefers JSON to HTML of full weight', () => {
    const element = fc
      .tuple(fc.constantFrom('application/json', 'application/*', 'text/html', 'text/*', '*/*'), fc.nat(4))
      .map(([name, quarters]) => `${name};q=${quarters / 4}`);
    fc.assert(
      fc.property(fc.array(element), (elements) => !prefersJson([...elements, 'text/html'].join(', '))),
    );
  });

  it('takes any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (accept) => !prefersJson(accept) && !namesHtml(accept)),
    );
  });
});
