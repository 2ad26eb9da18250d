import { expect } from 'chai';
import fc from 'fast-check';
import { parsePath } from '../../../src/files/paths.js';
import {
  clientLocation,
  climbsHidden,
  ruleFor,
  upstreamTarget,
  withoutDots,
} from '../../../src/proxy/route.js';

const segment = fc.constantFrom('', '.', '..', '%2e', '%2E.', '.%2e', '%2e%2E', 'a', 'b.c', '...', '%2f');
const path = fc.array(segment, { minLength: 1 }).map((segments) => `/${segments.join('/')}`);

describe('proxy/route', () => {
  describe('withoutDots', () => {
    // RFC 3986 section 5.4, as paths.
    for (const [given, expected] of [
      ['/', '/'],
      ['/a/b', '/a/b'],
      ['/a/b/c/./../../g', '/a/g'],
      ['/./g', '/g'],
      ['/../g', '/g'],
      ['/../../../g', '/g'],
      ['/b/c/.', '/b/c/'],
      ['/b/c/..', '/b/'],
      ['/..', '/'],
      ['/.', '/'],
      ['/b/c/g.', '/b/c/g.'],
      ['/b/c/..g', '/b/c/..g'],
      ['/b/c/...', '/b/c/...'],
      ['/a/%2e%2E/b', '/b'],
      ['/a/%2e/b', '/a/b'],
      ['/a//../b', '/b'],
      ['/a//.//../b', '/b'],
      ['//../b', '/b'],
      ['//a//b', '//a//b'],
      ['/a/..%2fb', '/a/..%2fb'],
      ['*', '*'],
    ] as const) {
      it(`makes ${expected} of ${given}`, () => {
        expect(withoutDots(given)).to.equal(expected);
      });
    }

    it('says of every path what a URL says, where no slash is doubled', () => {
      fc.assert(
        fc.property(path, (given) => {
          fc.pre(!given.includes('//'));
          expect(withoutDots(given)).to.equal(new URL(`http://a${given}`).pathname);
        }),
      );
    });

    it('says of every path what it is as a file', () => {
      fc.assert(
        fc.property(path, (given) => {
          const file = parsePath(given, 'serve');
          fc.pre(typeof file !== 'string');
          expect(parsePath(withoutDots(given), 'serve')).to.deep.equal(file);
        }),
      );
    });

    it('leaves nothing to be done, and stays below the root', () => {
      fc.assert(
        fc.property(path, (given) => {
          const clean = withoutDots(given);
          expect(withoutDots(clean)).to.equal(clean);
          expect(clean).to.match(/^\//);
          expect(clean).to.not.match(/\/(?:\.|%2e){1,2}(?:\/|$)/i);
        }),
      );
    });
  });

  describe('ruleFor', () => {
    const rules = ['/', '/api', '/api/v1/', '/API'].map((prefix) => ({ prefix, upstreams: [] }));
    for (const [path, prefix] of [
      ['/', '/'],
      ['/x', '/'],
      ['/api', '/api'],
      ['/api/', '/api'],
      ['/apix', '/'],
      ['/api/v1', '/api'],
      ['/api/v1/', '/api/v1/'],
      ['/api/v1/x', '/api/v1/'],
      ['/API/x', '/API'],
      ['*', undefined],
      ['a:1', undefined],
    ] as const) {
      it(`finds ${prefix} for ${path}`, () => {
        for (const all of [rules, [...rules].reverse()]) {
          const match = ruleFor(all, path);
          expect([match?.rule.prefix, match?.path]).to.deep.equal([prefix, prefix && path]);
        }
      });
    }

    for (const [prefix, path, found] of [
      ['/api', '/%61pi', '/api'],
      ['/api', '/%61p%69/%61%2Fb', '/api/%61%2Fb'],
      ['/api', '//api//x/', '/api//x/'],
      ['/api', '///%61pi//', '/api//'],
      ['/api', '/api%2fx', undefined],
      ['/api', '/%2fapi', undefined],
      ['/api', '/x//api', undefined],
      ['/api', '//', undefined],
      ['/api', '/%zzapi', undefined],
      ['/api/v1', '/api//v1/x', '/api/v1/x'],
      ['/api/', '//api', undefined],
      ['/api/', '//api/', '/api/'],
      ['/a%20b', '/a%20b/x', '/a%20b/x'],
      ['/a%c3%a4', '/%61%C3%A4/x', '/a%c3%a4/x'],
      ['/%61pi', '/api/x', '/%61pi/x'],
      ['/a//b', '/a/b', '/a//b'],
      ['/', '//x', '//x'],
      ['/', '/%zz', '/%zz'],
    ] as const) {
      it(`finds ${path} below ${prefix} as ${found}`, () => {
        expect(ruleFor([{ prefix, upstreams: [] }], path)?.path).to.equal(found);
      });
    }

    it('does not take a spelling that is longer for a prefix that is shorter', () => {
      const both = ['/api', '/api/v1'].map((prefix) => ({ prefix, upstreams: [] }));
      expect(ruleFor(both, '/api/%761/x')?.rule.prefix).to.equal('/api/v1');
    });

    it('finds every path of a file where the plain one is found', () => {
      const spelled = fc.array(fc.constantFrom('api', '%61pi', 'ap%69', '', '.', 'x', '..'), {
        minLength: 1,
      });
      fc.assert(
        fc.property(spelled, (segments) => {
          const given = `/${segments.join('/')}`;
          const file = parsePath(given, 'serve');
          fc.pre(typeof file !== 'string');
          const match = ruleFor([{ prefix: '/api', upstreams: [] }], withoutDots(given));
          expect(match !== undefined).to.equal(file.segments[0] === 'api');
          if (match !== undefined) expect(parsePath(match.path, 'serve')).to.deep.equal(file);
        }),
      );
    });
  });

  for (const [path, expected] of [
    ['/api/..%2fsecret', true],
    ['/api/x%2F..', true],
    ['/api/x%2f.%2E%2fy', true],
    ['/api/..%5csecret', true],
    ['/api/..\\secret', true],
    ['/api/x\\..', true],
    ['/api/group%2fproject', false],
    ['/api/a..%2fb', false],
    ['/api/..a%2fb', false],
    ['/api/...%2fb', false],
    ['/api/.%2fb', false],
    ['/api/%252e%252e%252fb', false],
  ] as const) {
    it(`${expected ? 'sees' : 'sees no'} way up in ${path}`, () => {
      expect(climbsHidden(path)).to.equal(expected);
    });
  }

  for (const [prefix, base, path, query, expected] of [
    ['/api', '', '/api/x', '?q', '/api/x?q'],
    ['/api', '/', '/api/x', '?q', '/x?q'],
    ['/api', '/', '/api', '?q', '/?q'],
    ['/api/', '/', '/api/x', '', '/x'],
    ['/api', '/v1', '/api/x', '', '/v1/x'],
    ['/api', '/v1', '/api', '', '/v1'],
    ['/api', '/v1/', '/api/x', '', '/v1/x'],
    ['/api/', '/v1', '/api/x', '', '/v1/x'],
    ['/', '/v1', '/x', '', '/v1/x'],
    ['/', '/', '/', '', '/'],
    ['/api', '/', '/api//x', '', '//x'],
  ] as const) {
    it(`asks for ${expected}: ${path} below ${prefix}, at an upstream with the path '${base}'`, () => {
      expect(upstreamTarget(prefix, base, path, query)).to.equal(expected);
    });
  }

  for (const [prefix, base, location, expected] of [
    ['/api', '', '/x', undefined],
    ['/api', '', 'http://up:1/api/x?y', '/api/x?y'],
    ['/api', '', 'http://up:1', '/'],
    ['/api', '', 'http://up:12/x', undefined],
    ['/api', '', 'http://other/x', undefined],
    ['/api', '/v1', '/v1/x', '/api/x'],
    ['/api', '/v1', '/v1', '/api'],
    ['/api', '/v1', '/v1x', undefined],
    ['/api', '/v1/', 'http://up:1/v1/x', '/api/x'],
    ['/api', '/', '/x', '/api/x'],
    ['/api', '/', '//other/x', undefined],
    ['/api', '/', 'x', undefined],
    ['/', '/v1', '/v1', '/'],
  ] as const) {
    it(`tells a client to go to ${expected} where an upstream at '${base}' says ${location}`, () => {
      expect(clientLocation(prefix, 'http://up:1', base, location)).to.equal(expected);
    });
  }
});
