import { expect } from 'chai';
import fc from 'fast-check';
import { JobError } from '../../../src/jobs/api.js';
import {
  errorLine,
  firstLine,
  LineReader,
  MAX_LINE_BYTES,
  parseLine,
  receiptLine,
} from '../../../src/jobs/line.js';

const SHA256 = 'ab'.repeat(32);

/** What a reader says to bytes that come in these pieces, each in a buffer that is used again at once. */
function read(pieces: readonly Buffer[]) {
  const reader = new LineReader();
  let state: ReturnType<LineReader['feed']> = 'more';
  let unread = 0;
  for (const piece of pieces) {
    if (state !== 'more') {
      unread += piece.length;
      continue;
    }
    const shared = Buffer.concat([piece, Buffer.from('\nbehind')]);
    state = reader.feed(shared, piece.length);
    shared.fill('!');
  }
  return { state, reader, unread };
}

function parse(text: string) {
  return parseLine(Buffer.from(text));
}

function refusal(text: string | Buffer): string {
  try {
    parseLine(Buffer.from(text));
  } catch (error) {
    if (error instanceof JobError) return `${error.code}: ${error.message}`;
    throw error;
  }
  return 'taken';
}

describe('jobs/line', () => {
  describe('the reader', () => {
    it('splits the line from what follows, however it comes', () => {
      const bytes = Buffer.from('JOB a b\nline\nmore');
      for (let at = 0; at <= bytes.length; at++) {
        const { state, reader, unread } = read([bytes.subarray(0, at), bytes.subarray(at)]);
        expect(state).to.equal('line');
        expect(reader.line.toString()).to.equal('JOB a b');
        expect(reader.rest.toString() + 'line\nmore'.slice(9 - unread)).to.equal('line\nmore');
        expect(reader.unused.length + unread).to.equal(bytes.length);
      }
    });

    it('takes a CR with the LF, and an empty line for one', () => {
      expect(read([Buffer.from('JOB a b\r\n\r\n')]).reader.line.toString()).to.equal('JOB a b');
      expect(read([Buffer.from('\n')]).reader.line.toString()).to.equal('');
      expect(read([Buffer.from('\r\n')]).reader.line.toString()).to.equal('');
    });

    it('takes no line that is too long', () => {
      const longest = Buffer.from(`${'x'.repeat(MAX_LINE_BYTES - 1)}\n`);
      expect(read([longest]).state).to.equal('line');
      expect(read([longest.subarray(0, -1)]).state).to.equal('more');
      expect(read([Buffer.from(`${'x'.repeat(MAX_LINE_BYTES)}\n`)]).state).to.equal('too-long');
      expect(read([Buffer.alloc(MAX_LINE_BYTES - 1, 'x'), Buffer.from('x')]).state).to.equal('too-long');
    });
  });

  describe('a line', () => {
    it('names job and part', () => {
      expect(parse('JOB a b')).to.deep.equal({ announced: { job: 'a', part: 'b' }, token: undefined });
      expect(parse('JOB caf%C3%A9%20x caf\u00e9').announced).to.deep.equal({
        job: 'caf\u00e9 x',
        part: 'caf\u00e9',
      });
    });

    it('has options, in any order', () => {
      expect(parse(`JOB a b token=x=y offset=3 sha256=${SHA256.toUpperCase()} bytes=10`)).to.deep.equal({
        announced: { job: 'a', part: 'b', offset: 3, sha256: SHA256, bytes: 10 },
        token: 'x=y',
      });
    });

    const wrong: readonly [text: string | Buffer, problem: RegExp][] = [
      ['', /^bad-request: the first line must be: JOB <job> <part>$/],
      ['JOB a', /must be/],
      ['job a b', /must be/],
      ['PUT /jobs/a/parts/b HTTP/1.1', /must be/],
      [Buffer.from('JOB a \xff', 'latin1'), /^bad-request: the first line is not UTF-8$/],
      ['JOB a %ff', /^bad-name: the name of the part has a % that begins no percent-encoded UTF-8$/],
      ['JOB 100% b', /^bad-name: the name of the job has a %/],
      ['JOB  b', /^bad-name: the name of the job is empty$/],
      ['JOB .. b', /^bad-name: /],
      ['JOB a %2e%2e', /^bad-name: /],
      ['JOB a b%2Fc', /^bad-name: /],
      ['JOB a b%5Cc', /^bad-name: /],
      ['JOB a b%00', /^bad-name: /],
      [`JOB a ${'x'.repeat(201)}`, /^bad-name: /],
      ['JOB a b ', /^bad-request: "" is not understood; there are bytes=N/],
      ['JOB a b c', /"c" is not understood/],
      ['JOB a b bytes=-1', /"bytes=" is not understood/],
      ['JOB a b bytes=1.5', /not understood/],
      ['JOB a b bytes=9999999999999999', /not understood/],
      ['JOB a b sha256=ab', /not understood/],
      ['JOB a b token=', /not understood/],
      ['JOB a b Token=geheim', /^(?!.*geheim).*"Token=" is not understood/],
      ['JOB a b __proto__=1', /not understood/],
      ['JOB a b bytes=1 bytes=1', /^bad-request: bytes= stands there twice$/],
      ['JOB a b bytes=1 offset=2', /^bad-request: offset=2 is behind the end: bytes=1$/],
    ];
    for (const [text, problem] of wrong) {
      it(`is refused: ${JSON.stringify(String(text)).slice(0, 60)}`, () => {
        expect(refusal(text)).to.match(problem);
      });
    }

    it('is what is understood again, whatever the names are', () => {
      const name = fc
        .string({ unit: 'grapheme', minLength: 1, maxLength: 40 })
        .filter((text) => refusal(`JOB a ${encodeURIComponent(text)}`) === 'taken');
      const option = fc.record(
        { bytes: fc.integer({ min: 100, max: 2 ** 49 }), offset: fc.integer({ min: 0, max: 100 }) },
        { requiredKeys: [] },
      );
      fc.assert(
        fc.property(name, name, option, (job, part, options) => {
          const line = { announced: { job, part, ...options, sha256: SHA256 }, token: 'abc' };
          const written = firstLine(line);
          expect(written.subarray(-1).toString()).to.equal('\n');
          expect(parseLine(written.subarray(0, -1))).to.deep.equal(line);
        }),
      );
    });

    it('is taken or refused with a JobError, whatever it is', () => {
      const words = fc.constantFrom(
        'JOB',
        ' ',
        'a',
        '%',
        '%2e',
        'bytes=',
        '1',
        'sha256=',
        SHA256,
        '\u00e9',
        '=',
      );
      const text = fc.oneof(
        fc.string({ unit: 'binary' }),
        fc.array(words).map((list) => `JOB ${list.join('')}`),
      );
      fc.assert(
        fc.property(text, (line) => {
          expect(refusal(line)).to.match(/^(taken$|bad-request: |bad-name: )/);
        }),
      );
    });
  });

  it('replies on one line', () => {
    expect(receiptLine({ bytes: 7, sha256: SHA256 }).toString()).to.equal(`OK 7 ${SHA256}\n`);
    expect(errorLine('storage-full', 'no\r\n space').toString()).to.equal('ERR storage-full no space\n');
  });
});
