import { expect } from 'chai';
import fc from 'fast-check';
import { type TextEntry, textFormatter } from '../../helpers/log-lines.js';

const NOW = Date.UTC(2026, 0, 2, 23, 4, 5, 67);

function entry(changes: Partial<TextEntry> = {}): TextEntry {
  return {
    remote: '192.0.2.7',
    method: 'GET',
    target: '/a/b.html?x=1',
    protocol: 'HTTP/1.1',
    status: 200,
    bytes: 1234,
    durationUs: 1499,
    referer: 'https://example.org/',
    userAgent: 'curl/8.5.0',
    cache: 'HIT',
    ...changes,
  };
}

const anyBytes = fc.uint8Array().map((bytes) => Buffer.from(bytes).toString('latin1'));

describe('worker/access-line', () => {
  let zone: string | undefined;

  beforeEach(() => {
    zone = process.env.TZ;
    process.env.TZ = 'UTC';
  });

  afterEach(() => {
    if (zone === undefined) delete process.env.TZ;
    else process.env.TZ = zone;
  });

  describe('combined', () => {
    const format = (changes: Partial<TextEntry> = {}): string =>
      textFormatter('combined', 1)(entry(changes), NOW);

    it('is the combined format, then seconds and cache state', () => {
      expect(format()).to.equal(
        '192.0.2.7 - - [02/Jan/2026:23:04:05 +0000] "GET /a/b.html?x=1 HTTP/1.1" 200 1234 ' +
          '"https://example.org/" "curl/8.5.0" 0.001 HIT\n',
      );
    });

    it('has a dash for what is absent', () => {
      const absent = { remote: '', method: '', target: '', referer: '', userAgent: '', cache: '' } as const;
      expect(format({ ...absent, status: 408, bytes: 0 })).to.equal(
        '- - - [02/Jan/2026:23:04:05 +0000] "-" 408 0 "-" "-" 0.001 -\n',
      );
    });

    it('gives the time in the zone of the process', () => {
      process.env.TZ = 'Asia/Kolkata';
      expect(format()).to.include('[03/Jan/2026:04:34:05 +0530]');
      process.env.TZ = 'America/St_Johns';
      expect(format()).to.include('[02/Jan/2026:19:34:05 -0330]');
    });

    it('keeps up with the clock', () => {
      const formatter = textFormatter('combined', 1);
      formatter(entry(), NOW);
      expect(formatter(entry(), NOW + 932)).to.include(':23:04:05 ');
      expect(formatter(entry(), NOW + 933)).to.include(':23:04:06 ');
    });

    it('rounds durations to milliseconds', () => {
      for (const [durationUs, text] of [
        [0, '0.000'],
        [499, '0.000'],
        [999_499, '0.999'],
        [999_500, '1.000'],
        [75_042_000, '75.042'],
      ] as const) {
        expect(format({ durationUs })).to.include(` ${text} HIT\n`);
      }
    });

    it('escapes as nginx does', () => {
      expect(format({ userAgent: 'a"b\\c\nd\x7f\xe9\x00' })).to.include(
        '"a\\x22b\\x5Cc\\x0Ad\\x7F\\xE9\\x00"',
      );
    });

    it('is one line of printable ASCII that loses nothing, whatever is received', () => {
      fc.assert(
        fc.property(anyBytes, anyBytes, (target, userAgent) => {
          const line = format({ target, userAgent });
          expect(line).to.match(/^[\x20-\x7e]*\n$/);
          const [, seen = '', agent = ''] = /"GET ([^"]*) HTTP\/1\.1" .*" "([^"]*)" /.exec(line) ?? [];
          expect(unescapeHex(seen)).to.equal(target);
          expect(unescapeHex(agent)).to.equal(userAgent || '-');
        }),
      );
    });
  });

  describe('json', () => {
    const format = (changes: Partial<TextEntry> = {}): string =>
      textFormatter('json', 42)(entry(changes), NOW);

    it('is one object with every field, in order', () => {
      const line = format();
      expect(line).to.match(/^\{.*\}\n$/);
      expect(Object.entries(JSON.parse(line))).to.deep.equal([
        ['time', '2026-01-02T23:04:05.067Z'],
        ['remote', '192.0.2.7'],
        ['method', 'GET'],
        ['target', '/a/b.html?x=1'],
        ['protocol', 'HTTP/1.1'],
        ['status', 200],
        ['bytes', 1234],
        ['durationMs', 1.499],
        ['referer', 'https://example.org/'],
        ['userAgent', 'curl/8.5.0'],
        ['cache', 'HIT'],
        ['pid', 42],
      ]);
    });

    it('has empty strings for what is absent', () => {
      const parsed: unknown = JSON.parse(
        format({ method: '', target: '', referer: '', userAgent: '', cache: '' }),
      );
      expect(parsed).to.include({ method: '', target: '', referer: '', userAgent: '', cache: '' });
    });

    it('is one line of printable ASCII that loses nothing, whatever is received', () => {
      fc.assert(
        fc.property(anyBytes, anyBytes, (target, userAgent) => {
          const line = format({ target, userAgent });
          expect(line).to.match(/^[\x20-\x7e]*\n$/);
          expect(JSON.parse(line)).to.include({ target, userAgent });
        }),
      );
    });
  });
});

function unescapeHex(text: string): string {
  return text.replaceAll(/\\x([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)));
}
