import { expect } from 'chai';
import fc from 'fast-check';
import { formatMistake } from '../../../src/config/mistake.js';
import { parseFile } from '../../../src/config/parse-file.js';

function parse(content: string | Buffer): { values: readonly string[]; mistakes: readonly string[] } {
  const { assignments, mistakes } = parseFile(
    Buffer.from(content as string),
    '/etc/site/server.conf',
    '/etc/site',
  );
  const values = assignments.map(({ key, text, origin }) => {
    return `${origin.kind === 'file' ? origin.line : '?'} ${key}=${text}`;
  });
  return { values, mistakes: mistakes.map(formatMistake) };
}

describe('config/parse-file', () => {
  it('reads keys with the lines they stand in', () => {
    const text = '# a site\n\nPORT=8080\nHEADERS=/** A: b\n  HEADERS = /x C: d # and more\n';
    expect(parse(text)).to.deep.equal({
      values: ['3 PORT=8080', '4 HEADERS=/** A: b', '5 HEADERS=/x C: d'],
      mistakes: [],
    });
  });

  it('takes CRLF, a byte order mark and a last line without end', () => {
    expect(parse('\uFEFFPORT=1\r\n# c\r\nHOST=::1')).to.deep.equal({
      values: ['1 PORT=1', '3 HOST=::1'],
      mistakes: [],
    });
  });

  it('starts relative paths at the directory of the file', () => {
    const { assignments } = parseFile(Buffer.from('LOG_FILE=a'), '/etc/site/server.conf', '/home/me');
    expect(assignments[0]?.base).to.equal('/etc/site');
  });

  it('collects every mistake with its line, and keeps what is right', () => {
    const text =
      'NUM_WORKER=4\nPORT=1\nexport HOST=::1\nAUTOINDEX\nPORT=2\nLOG_FILE="x\nFROBNICATE=1\nport=5\nSPA=on';
    expect(parse(text)).to.deep.equal({
      values: ['2 PORT=1', '9 SPA=on'],
      mistakes: [
        'server.conf:1: NUM_WORKER=4: unknown key; did you mean NUM_WORKERS?',
        'server.conf:3: export HOST=::1: this is not a shell script; write HOST=::1',
        'server.conf:4: AUTOINDEX: there is no = after the key; write AUTOINDEX=VALUE',
        'server.conf:5: PORT=2: already set in line 2; remove one of the two',
        'server.conf:6: LOG_FILE="x: the closing " is missing',
        'server.conf:7: FROBNICATE=1: unknown key',
        'server.conf:8: port=5: unknown key; did you mean PORT?',
      ],
    });
  });

  it('names the file as whoever reads it would', () => {
    const source = (cwd: string) =>
      parseFile(Buffer.from('x'), '/etc/site/server.conf', cwd).mistakes[0]?.source;
    expect(source('/etc')).to.equal('site/server.conf');
    expect(source('/home/me')).to.equal('/etc/site/server.conf');
  });

  const noText: readonly [what: string, bytes: Buffer, mistake: string][] = [
    ['NUL bytes', Buffer.from('PORT=1\nHO\0ST=x'), 'server.conf:2: a NUL byte: this is no text file'],
    [
      'Latin-1',
      Buffer.from('PORT=1\n# caf\xe9\n', 'latin1'),
      'server.conf:2: this is not UTF-8; save it as UTF-8',
    ],
    ['UTF-16', Buffer.from('\uFEFFPORT=1', 'utf16le'), 'server.conf: this is UTF-16; save it as UTF-8'],
  ];
  for (const [what, bytes, mistake] of noText) {
    it(`refuses ${what} in one line`, () => {
      expect(parse(bytes)).to.deep.equal({ values: [], mistakes: [mistake] });
    });
  }

  it('keeps control characters and endless values off the terminal', () => {
    const [mistake = ''] = parse(`FROBNICATE=\u001b[31m${'x'.repeat(1000)}`).mistakes;
    expect(mistake).to.match(/^server\.conf:1: FROBNICATE=\\x1b\[31mx+\.\.\.: unknown key$/);
    expect(mistake.length).to.be.below(150);
  });

  it('takes any bytes without failing', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        parseFile(Buffer.from(bytes), '/a', '/');
      }),
      { numRuns: 500 },
    );
  });
});
