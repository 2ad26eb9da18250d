import { expect } from 'chai';
import type { SettingName } from '../../../src/config/setting.js';
import { rowOf } from '../../../src/config/table.js';
import { isRefusal } from '../../../src/config/value-type.js';

/** The value of a text, or the refusal as one line. */
function read(name: SettingName, text: string): unknown {
  const parsed = rowOf(name).type.parse(text, '/base');
  if (!isRefusal(parsed)) return parsed.value;
  return parsed.hint === undefined ? parsed.problem : `${parsed.problem}; ${parsed.hint}`;
}

describe('config/values', () => {
  const good: readonly [SettingName, string, unknown][] = [
    ['port', '0', 0],
    ['port', '65535', 65_535],
    ['jobsToken', 'off', ''],
    ['jobsToken', 'aZ09-._~+/==', 'aZ09-._~+/=='],
    ['getfilePort', 'Off', 'off'],
    ['getfilePort', 'no', 'off'],
    ['getfilePort', '0', 0],
    ['getfilePort', '65535', 65_535],
    ['autoindex', 'Yes', true],
    ['autoindex', '0', false],
    ['logFormat', 'JSON', 'json'],
    ['host', '::1', '::1'],
    ['host', 'localhost', 'localhost'],
    ['host', 'unix:/run/../run/a.sock', 'unix:/run/a.sock'],
    ['host', 'unix:a b.sock', 'unix:/base/a b.sock'],
    ['backlog', '65535', 65_535],
    ['host', 'a.example-b.org', 'a.example-b.org'],
    ['documentRoot', '../www', '/www'],
    ['documentRoot', 'off', '/base/off'],
    ['logFile', '-', '-'],
    ['logFile', 'off', ''],
    ['logFile', 'constructor', '/base/constructor'],
    ['pidFile', '', ''],
    ['indexFiles', 'a.html,  b.html a.html', ['a.html', 'b.html']],
    ['indexFiles', 'off', []],
    ['spa', 'on', '/index.html'],
    ['spa', 'off', ''],
    ['spa', '/app%20x.html', '/app%20x.html'],
    ['healthPath', 'off', ''],
    [
      'errorPages',
      '500 503 /sorry.html',
      [
        { status: 500, path: '/sorry.html' },
        { status: 503, path: '/sorry.html' },
      ],
    ],
    ['errorPages', 'off', []],
    ['cacheControl', '/a/** public, max-age=60', [{ pattern: '/a/**', value: 'public, max-age=60' }]],
    [
      'cacheControl',
      '/a/** private="x, y", no-store',
      [{ pattern: '/a/**', value: 'private="x, y", no-store' }],
    ],
    ['cacheControl', '/** community="UCI"', [{ pattern: '/**', value: 'community="UCI"' }]],
    ['headers', '/**\tX-A:b: c ', [{ pattern: '/**', name: 'X-A', value: 'b: c' }]],
    ['cors', '*', ['*']],
    ['cors', 'on', ['*']],
    ['cors', 'off', []],
    ['cors', 'HTTPS://Example.com:443/ http://b:81', ['https://example.com', 'http://b:81']],
    ['cors', 'capacitor://localhost', ['capacitor://localhost']],
    ['statsAllow', 'all', ['all']],
    ['statsAllow', 'none', []],
    ['statsAllow', 'unix: ::1', ['unix:', '::1']],
    ['statsAllow', '10.0.0.0/8, ::1 fe80::/10', ['10.0.0.0/8', '::1', 'fe80::/10']],
    ['transport', 'auto', 'auto'],
  ];
  for (const [name, text, value] of good) {
    it(`${name}: reads ${text || 'nothing'}`, () => {
      expect(read(name, text)).to.deep.equal(value);
    });
  }

  it('takes auto for one worker on each core', () => {
    expect(read('numWorkers', 'auto')).to.be.a('number').above(0);
  });

  const bad: readonly [SettingName, string, RegExp][] = [
    ['jobsToken', 'a b', /letters, digits and/],
    ['jobsToken', 'geheimnis-ä', /letters, digits and/],
    ['port', '', /whole number from 0 to 65535/],
    ['port', '65536', /from 0 to 65535/],
    ['port', '-1', /from 0 to 65535/],
    ['port', '1e3', /from 0 to 65535/],
    ['port', '0x50', /from 0 to 65535/],
    ['port', '99999999999999999999', /from 0 to 65535/],
    ['port', 'tcp://10.0.0.1:80', /service links/],
    ['sharedCacheSocket', `/${'x'.repeat(120)}`, /the path of a socket may have 107 bytes at most/],
    ['cacheSizeMb', '64MB', /write 64: the key names the unit/],
    ['timeoutSeconds', '30 s', /write 30:/],
    ['numWorkers', '4k', /or auto: [^;]*$/],
    ['headers', '/** Server: x', /Server cannot be set/],
    ['numWorkers', '0', /from 1 to 512, or auto/],
    ['autoindex', 'maybe', /on or off/],
    ['logFormat', 'jsn', /did you mean json\?/],
    ['followSymlinks', 'yes', /one of inside, always, never/],
    ['host', '*', /0\.0\.0\.0/],
    ['host', '/run/a.sock', /write unix:\/run\/a\.sock/],
    ['host', 'unix:', /path of a socket/],
    ['host', 'unix:/run/', /path of a socket/],
    ['host', `unix:/${'ä'.repeat(54)}`, /107 bytes at most/],
    ['backlog', '0', /from 1 to 65535/],
    ['host', '[::1]', /write ::1, without brackets/],
    ['host', 'http://localhost', /host only/],
    ['host', 'localhost:80', /PORT/],
    ['host', '999.1.1.1', /address/],
    ['host', '1.2.3', /address/],
    ['host', '-a', /address/],
    ['host', 'a b', /address/],
    ['documentRoot', '', /must be a path/],
    ['logFile', '', /must be a path or - or off/],
    ['spa', 'index.html', /must be off, on/],
    ['spa', '//evil.example', /single \//],
    ['spa', '/a/../b', /\. or \.\./],
    ['spa', '/a/%2E%2e/b', /\. or \.\./],
    ['spa', '/a?b', /query/],
    ['spa', '/a b', /write \/a%20b/],
    ['spa', '/ä', /write \/%C3%A4/],
    ['spa', '/100%', /%25/],
    ['spa', '/a\\b', /backslash/],
    ['indexFiles', 'a/b.html', /is a path/],
    ['indexFiles', '..', /no name/],
    ['indexFiles', ' , ', /must be names/],
    ['errorPages', '404', /write 404 \/404\.html/],
    ['errorPages', '200 /ok.html', /200 has no page/],
    ['errorPages', '404 404.html', /write \/404\.html/],
    ['cacheControl', '/a', /PATTERN VALUE/],
    ['cacheControl', '*.js no-store', /must begin with \/; write \/\*\*\/\*\.js/],
    ['cacheControl', '/[a no-store', /brackets do not pair/],
    ['cacheControl', '/** max-age: 60', /is no directive/],
    ['cacheControl', '/** max-age=1h', /takes seconds/],
    ['cacheControl', '/** max-age', /takes seconds/],
    ['cacheControl', '/** public, imutable', /did you mean immutable\?/],
    ['cacheControl', '/** nocache', /did you mean no-cache\?/],
    ['headers', '/** X-A b', /PATTERN NAME: VALUE/],
    ['headers', '/** X A: b', /"X A" is no field name/],
    ['headers', '/** X-A : b', /"X-A " is no field name/],
    ['headers', '/** X-A:', /no value/],
    ['headers', '/** X-A: ü', /plain ASCII/],
    ['headers', '/** content-length: 5', /cannot be set/],
    ['headers', '/** Transfer-Encoding: chunked', /cannot be set/],
    ['headers', '/** Connection: close', /cannot be set/],
    ['headers', '/** Date: now', /cannot be set/],
    ['headers', '/** Cache-Control: no-store', /rule of CACHE_CONTROL/],
    ['headers', 'X-A: b', /must be PATTERN NAME: VALUE/],
    ['headers', '* X-A: b', /must begin with \//],
    ['cors', 'example.com', /no origin; write scheme/],
    ['cors', 'https://example.com/path', /no origin/],
    ['cors', 'https://user@example.com', /no origin/],
    ['statsAllow', 'unix:/a', /no address/],
    ['statsAllow', 'localhost', /127\.0\.0\.0\/8 ::1/],
    ['statsAllow', '10.0.0.0/33', /not 0 to 32/],
    ['statsAllow', '::1/129', /not 0 to 128/],
    ['statsAllow', '10.0.0.0/8/8', /no CIDR/],
    ['statsAllow', '10.0.0.0/', /prefix/],
    ['statsAllow', 'all 10.0.0.1', /all is no address/],
  ];
  for (const [name, text, problem] of bad) {
    it(`${name}: refuses ${text || 'nothing'}`, () => {
      expect(read(name, text)).to.be.a('string').that.matches(problem);
    });
  }
});
