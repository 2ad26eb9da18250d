import { expect } from 'chai';
import { ResponseRules, type ResponseSettings } from '../../../src/files/response-rules.js';

function rules(settings: Partial<ResponseSettings> = {}): ResponseRules {
  return new ResponseRules({ cacheControl: [], headers: [], cors: [], ...settings });
}

describe('files/response-rules', () => {
  describe('Cache-Control', () => {
    const some = rules({
      cacheControl: [
        { pattern: '/assets/*.????????.js', value: 'max-age=31536000, immutable' },
        { pattern: '/**/*.js', value: 'max-age=60' },
      ],
    });

    it('is no-cache without a rule, so that nothing is ever stale', () => {
      expect(rules().cacheControlLine('/a.js')).to.equal('Cache-Control: no-cache\r\n');
      expect(some.cacheControlLine('/a.css')).to.equal('Cache-Control: no-cache\r\n');
    });

    it('is that of the first rule that matches', () => {
      expect(some.cacheControlLine('/assets/app.0a1b2c3d.js')).to.equal(
        'Cache-Control: max-age=31536000, immutable\r\n',
      );
      expect(some.cacheControlLine('/assets/app.js')).to.equal('Cache-Control: max-age=60\r\n');
      expect(some.cacheControlLine('/app.js')).to.equal('Cache-Control: max-age=60\r\n');
    });
  });

  describe('extra fields', () => {
    it('come from every rule that matches, in their order', () => {
      const some = rules({
        headers: [
          { pattern: '/**', name: 'X-One', value: '1' },
          { pattern: '/a/**', name: 'X-Two', value: '2' },
        ],
      });
      expect(some.extraLines('/a/b')).to.equal('X-One: 1\r\nX-Two: 2\r\n');
      expect(some.extraLines('/b')).to.equal('X-One: 1\r\n');
    });

    it('are none without a rule', () => expect(rules().extraLines('/')).to.equal(''));
  });

  describe('Content-Type', () => {
    it('goes by the ending of the name unless a rule says otherwise, the first one that matches', () => {
      const own = rules({
        headers: [
          { pattern: '/legacy/**', name: 'content-type', value: 'text/html; charset=windows-1252' },
          { pattern: '/**/*.html', name: 'Content-Type', value: 'text/plain' },
        ],
      });
      expect(own.contentType('/legacy/a.html')).to.equal('text/html; charset=windows-1252');
      expect(own.contentType('/a.html')).to.equal('text/plain');
      expect(own.contentType('/a.css')).to.equal('text/css; charset=utf-8');
      expect(own.extraLines('/legacy/a.html')).to.equal('');
    });
  });

  describe('CORS', () => {
    const LISTED = rules({ cors: ['https://a.example', 'https://b.example'] });
    const ANY = rules({ cors: ['*'] });

    it('is off unless it is set', () => {
      const off = rules();
      expect(off.byOrigin).to.equal(false);
      expect([
        off.originLines('https://a.example'),
        off.preflightLines('https://a.example', 'X'),
      ]).to.deep.equal(['', '']);
    });

    it('for any origin depends on none', () => {
      expect(ANY.byOrigin).to.equal(false);
      expect(ANY.extraLines('/')).to.match(
        /^Access-Control-Allow-Origin: \*\r\nAccess-Control-Expose-Headers: /,
      );
      expect(ANY.originLines('https://a.example')).to.equal('');
    });

    it('for any origin is on errors too, which have no resource', () => {
      expect(ANY.originLines(undefined, true)).to.include('Access-Control-Allow-Origin: *\r\n');
    });

    it('for some origins names the one that asks, and no other', () => {
      expect(LISTED.byOrigin).to.equal(true);
      expect(LISTED.originLines('https://b.example')).to.include(
        'Access-Control-Allow-Origin: https://b.example\r\n',
      );
      for (const origin of [
        undefined,
        '',
        'null',
        'https://evil.example',
        'https://a.example.evil',
        'https://A.example',
      ]) {
        expect(LISTED.originLines(origin), String(origin)).to.equal('');
      }
      expect(LISTED.extraLines('/')).to.equal('');
    });

    it('answers a preflight with what was asked for', () => {
      const lines = LISTED.preflightLines('https://a.example', 'Range, X-Y');
      expect(lines).to.include('Access-Control-Allow-Origin: https://a.example\r\n');
      expect(lines).to.include('Access-Control-Allow-Methods: GET, HEAD, OPTIONS\r\n');
      expect(lines).to.include('Access-Control-Allow-Headers: Range, X-Y\r\n');
      expect(LISTED.preflightLines('https://evil.example', 'Range')).to.equal('');
      expect(ANY.preflightLines('https://evil.example', undefined)).to.not.include('Allow-Headers');
    });
  });

  describe('Vary', () => {
    it('names what a response depends on', () => {
      const byOrigin = rules({ cors: ['https://a.example'] });
      const [none, coding] = [[''], ['Accept-Encoding']];
      expect([rules().varyOn(none), rules().varyOn(coding)]).to.deep.equal(['', 'Vary: Accept-Encoding\r\n']);
      expect([byOrigin.varyOn(none), byOrigin.varyOn(coding)]).to.deep.equal([
        'Vary: Origin\r\n',
        'Vary: Accept-Encoding, Origin\r\n',
      ]);
    });
  });
});
