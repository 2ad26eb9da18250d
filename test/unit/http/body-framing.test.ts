import { expect } from 'chai';
import fc from 'fast-check';
import { BodyFraming, type FramingEvent } from '../../../src/http/body-framing.js';

interface Outcome {
  readonly content: string;
  /** How it ended, or `more`. */
  readonly event: FramingEvent;
  /** Bytes used up. */
  readonly used: number;
  readonly received: number;
}

/** Gives the pieces one by one to a framing that has begun, until it ends. */
function read(framing: BodyFraming, pieces: readonly Buffer[]): Outcome {
  let content = '';
  let used = 0;
  let event: FramingEvent = 'more';
  for (const piece of pieces) {
    let position = 0;
    do {
      event = framing.done ? 'end' : framing.step(piece, position, piece.length);
      if (event === 'content') content += piece.toString('latin1', framing.chunkStart, framing.chunkEnd);
      if (!(event === 'end' && framing.chunkEnd < position)) position = Math.max(position, framing.chunkEnd);
    } while (event === 'content');
    used += position;
    if (event === 'end' || event === 'bad') break;
  }
  return { content, event, used, received: framing.received };
}

function begun(contentLength: number): BodyFraming {
  const framing = new BodyFraming();
  framing.begin(contentLength);
  return framing;
}

const chunked = (text: string): Outcome => read(begun(-1), [Buffer.from(text, 'latin1')]);

function pieces(bytes: Buffer, lengths: readonly number[]): Buffer[] {
  const result: Buffer[] = [];
  let from = 0;
  for (const length of lengths) {
    result.push(bytes.subarray(from, from + length));
    from += length;
  }
  return [...result, bytes.subarray(from)];
}

describe('http/body-framing', () => {
  describe('by length', () => {
    it('ends after the declared bytes and leaves the others', () => {
      const outcome = read(begun(3), [Buffer.from('abcdef')]);
      expect(outcome).to.deep.equal({ content: 'abc', event: 'end', used: 3, received: 3 });
    });

    it('is done at once when there is none', () => {
      expect(begun(0).done).to.equal(true);
    });

    it('waits for what is missing', () => {
      expect(read(begun(5), [Buffer.from('ab'), Buffer.from('c')]).event).to.equal('more');
    });

    it('counts beyond 32 bits', () => {
      const framing = begun(2 ** 33);
      const piece = Buffer.alloc(1024);
      framing.step(piece, 0, piece.length);
      expect(framing.received).to.equal(1024);
      expect(framing.done).to.equal(false);
    });
  });

  describe('by chunks', () => {
    it('yields what is in them and leaves what is behind', () => {
      const text = '3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\nGET /';
      expect(chunked(text)).to.deep.equal({
        content: 'abc0123456789',
        event: 'end',
        used: text.length - 'GET /'.length,
        received: 13,
      });
    });

    it('reads sizes of thirteen digits exactly', () => {
      const framing = begun(-1);
      const text = Buffer.from('fffffffffffff\r\nx');
      framing.step(text, 0, text.length);
      expect(framing.received).to.equal(1);
      expect(chunked('10000000000000\r\nx').event).to.equal('bad');
    });

    it('bounds extensions over a whole body, not for each chunk', () => {
      const one = `1;${'e'.repeat(1000)}\r\nx\r\n`;
      expect(chunked(one.repeat(16)).event).to.equal('more');
      expect(chunked(one.repeat(17)).event).to.equal('bad');
    });

    it('bounds white space too', () => {
      expect(chunked(`1${' '.repeat(20_000)};a\r\n`).event).to.equal('bad');
    });

    it('does not count the framing of many small chunks as overhead', () => {
      expect(chunked(`${'1\r\nx\r\n'.repeat(20_000)}0\r\n\r\n`)).to.include({
        event: 'end',
        received: 20_000,
      });
    });

    it('gives back what was put in, however it is cut', () => {
      const chunk = fc.record({
        data: fc.uint8Array({ minLength: 1, maxLength: 40 }),
        extension: fc.constantFrom('', ';a', ';a=b', ' \t;a="b c"', ';;'),
        upper: fc.boolean(),
        zeros: fc.nat(3),
      });
      const trailers = fc.array(fc.constantFrom('A: b', 'Content-Length: 7', 'X:', 'Y: \xff\t'), {
        maxLength: 3,
      });
      const property = fc.property(
        fc.array(chunk, { maxLength: 6 }),
        trailers,
        fc.array(fc.nat(20), { maxLength: 20 }),
        (chunks, fields, lengths) => {
          const body = chunks.map(({ data, extension, upper, zeros }) => {
            const digits = '0'.repeat(zeros) + data.length.toString(16);
            const text = Buffer.from(data).toString('latin1');
            return `${upper ? digits.toUpperCase() : digits}${extension}\r\n${text}\r\n`;
          });
          const wire = `${body.join('')}0\r\n${fields.map((field) => `${field}\r\n`).join('')}\r\n`;
          const content = chunks.map(({ data }) => Buffer.from(data).toString('latin1')).join('');
          const bytes = Buffer.from(`${wire}GET`, 'latin1');
          expect(read(begun(-1), pieces(bytes, lengths))).to.deep.equal({
            content,
            event: 'end',
            used: wire.length,
            received: content.length,
          });
        },
      );
      fc.assert(property, { numRuns: 1000 });
    });

    it('says the same of any bytes however they are cut', () => {
      const telling = [...'\r\n\r\n\r\n0012aF;: \t=x\0"'].map((char) => char.charCodeAt(0));
      const noise = fc.array(fc.oneof(fc.constantFrom(...telling), fc.nat(255)), { maxLength: 60 });
      const property = fc.property(noise, fc.array(fc.nat(10), { maxLength: 20 }), (values, lengths) => {
        const bytes = Buffer.from(values);
        expect(read(begun(-1), pieces(bytes, lengths))).to.deep.equal(read(begun(-1), [bytes]));
      });
      fc.assert(property, { numRuns: 5000 });
    });
  });
});
