import { expect } from 'chai';
import fc from 'fast-check';
import { formatValue, parseLine } from '../../../src/config/conf-syntax.js';

describe('config/conf-syntax', () => {
  const pairs: readonly [line: string, key: string, value: string][] = [
    ['PORT=3000', 'PORT', '3000'],
    ['  PORT =  3000  ', 'PORT', '3000'],
    ['PORT=3000 # the usual', 'PORT', '3000'],
    ['PORT=3000\t# the usual', 'PORT', '3000'],
    ['PORT=', 'PORT', ''],
    ['PORT= # nothing', 'PORT', ''],
    ['SPA=#fragment', 'SPA', '#fragment'],
    ['SPA=/a#b', 'SPA', '/a#b'],
    ['HEADERS=/** A: b=c', 'HEADERS', '/** A: b=c'],
    ['HEADERS="/** A: b # c"', 'HEADERS', '/** A: b # c'],
    ['HEADERS="/** A: b # c"  # comment', 'HEADERS', '/** A: b # c'],
    ['HEADERS=\'/** A: "b" # c\'', 'HEADERS', '/** A: "b" # c'],
    ['HEADERS="say \\"a\\" \\\\ b"', 'HEADERS', 'say "a" \\ b'],
    ['DOCUMENT_ROOT="C:\\www\\"', 'DOCUMENT_ROOT', 'C:\\www\\'],
    ['HEADERS=/** A: "b"', 'HEADERS', '/** A: "b"'],
    ['LOG_FILE=""', 'LOG_FILE', ''],
  ];
  for (const [line, key, value] of pairs) {
    it(`reads ${line}`, () => {
      expect(parseLine(line)).to.deep.equal({ kind: 'pair', key, value });
    });
  }

  for (const line of ['', '   ', '# comment', '  # PORT=1', '#']) {
    it(`passes over ${JSON.stringify(line)}`, () => {
      expect(parseLine(line)).to.deep.equal({ kind: 'blank' });
    });
  }

  const bad: readonly [line: string, message: RegExp, hint?: string][] = [
    ['PORT 3000', /no = after/, 'write PORT=3000'],
    ['PORT: 3000', /no = after/, 'write PORT=3000'],
    ['PORT', /no = after/, 'write PORT=VALUE'],
    ['HEADERS /x A: b=c', /no = after/, 'write HEADERS=/x A: b=c'],
    ['{', /no = after/, 'write KEY=VALUE'],
    ['=3000', /no key/, 'write KEY=VALUE'],
    ['export PORT=3000', /not a shell script/, 'write PORT=3000'],
    ['[server]', /no sections/, 'remove the line'],
    ['LOG_FILE="a', /closing " is missing/],
    ["LOG_FILE='a", /closing ' is missing/],
    ['LOG_FILE="a" b', /text after the closing "/, 'quote the whole value'],
    ['LOG_FILE="a"# b', /text after the closing "/, 'quote the whole value'],
  ];
  for (const [line, message, hint] of bad) {
    it(`refuses ${line}`, () => {
      const parsed = parseLine(line);
      if (parsed.kind !== 'bad') throw new Error(`was read as ${parsed.kind}`);
      expect(parsed.message).to.match(message);
      expect(parsed.hint).to.equal(hint);
    });
  }

  it('reads back what it writes, whatever the value', () => {
    const value = fc.string({ unit: fc.constantFrom('a', ' ', '\t', '#', '"', "'", '\\', '=', '/') });
    fc.assert(
      fc.property(value, (text) => {
        expect(parseLine(`KEY=${formatValue(text)}`)).to.deep.equal({
          kind: 'pair',
          key: 'KEY',
          value: text,
        });
      }),
      { numRuns: 2000 },
    );
  });

  it('takes any line without failing', () => {
    fc.assert(fc.property(fc.string(), (line) => ['blank', 'pair', 'bad'].includes(parseLine(line).kind)));
  });
});
