import { expect } from 'chai';
import fc from 'fast-check';
import { DEFAULT_LIMITS, readCorpus } from '../../helpers/corpus.js';
import { runParser } from '../../helpers/parser-run.js';

const CORPUS = [...readCorpus('valid'), ...readCorpus('invalid')]
  .map(({ bytes }) => bytes)
  .filter((bytes) => bytes.length < 1000);
/** Files that leave nothing open behind them. */
const CLOSED = readCorpus('valid').filter(({ limits, expected: { requests, rest } }) => {
  return (
    limits === DEFAULT_LIMITS && rest === undefined && requests.every(({ complete }) => complete !== false)
  );
});

/** Small enough that mutations run into them. */
const TIGHT = { maxUrlBytes: 40, maxHeaderBytes: 120 };

/** Bytes that mean something to HTTP, and a few that must not be there. */
const TELLING = [...'\r\n\t\0 :;,=*/?#%+-0159aAfFxX"\\']
  .map((char) => char.charCodeAt(0))
  .concat(0x7f, 0x80, 0xff);
const byte = fc.oneof(fc.constantFrom(...TELLING), fc.nat(255));

type Mutation = (bytes: Buffer) => Buffer;

/** A place in bytes of unknown length, as a fraction. */
const place = fc.double({ min: 0, max: 1, noNaN: true });

function at(bytes: Buffer, fraction: number): number {
  return Math.floor(fraction * bytes.length);
}

const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  fc.tuple(place, byte).map(
    ([where, value]): Mutation =>
      (bytes) => {
        const position = at(bytes, where);
        return Buffer.concat([bytes.subarray(0, position), Buffer.of(value), bytes.subarray(position)]);
      },
  ),
  fc.tuple(place, byte).map(
    ([where, value]): Mutation =>
      (bytes) => {
        const changed: Buffer = Buffer.from(bytes);
        if (changed.length > 0) changed[Math.min(at(bytes, where), bytes.length - 1)] = value;
        return changed;
      },
  ),
  fc.tuple(place, fc.nat(8)).map(
    ([where, length]): Mutation =>
      (bytes) => {
        const position = at(bytes, where);
        return Buffer.concat([bytes.subarray(0, position), bytes.subarray(position + length)]);
      },
  ),
  fc.tuple(place, place, place).map(
    ([from, to, where]): Mutation =>
      (bytes) => {
        const part = bytes.subarray(at(bytes, Math.min(from, to)), at(bytes, Math.max(from, to)));
        const position = at(bytes, where);
        return Buffer.concat([bytes.subarray(0, position), part, bytes.subarray(position)]);
      },
  ),
);

const damaged = fc
  .tuple(
    fc.array(fc.constantFrom(...CORPUS), { minLength: 1, maxLength: 4 }),
    fc.array(mutation, { maxLength: 4 }),
  )
  .map(([requests, mutations]) =>
    mutations.reduce((bytes, mutate) => mutate(bytes), Buffer.concat(requests) as Buffer),
  );

const cuts = fc.array(place, { maxLength: 12 });

function cut(bytes: Buffer, fractions: readonly number[]): Buffer[] {
  const positions = fractions.map((fraction) => at(bytes, fraction)).sort((a, b) => a - b);
  return [0, ...positions].map((from, i) => bytes.subarray(from, positions[i] ?? bytes.length));
}

const limits = fc.constantFrom(DEFAULT_LIMITS, TIGHT);
const RUNS = { numRuns: 3000 };

describe('http/parser: fuzz', () => {
  it('says the same of damaged requests however they are split', () => {
    const property = fc.property(damaged, cuts, limits, (bytes, fractions, bounds) => {
      expect(runParser(cut(bytes, fractions), bounds)).to.deep.equal(runParser([bytes], bounds));
    });
    fc.assert(property, RUNS);
  });

  it('says the same of them byte by byte', () => {
    const property = fc.property(damaged, limits, (bytes, bounds) => {
      const singly = Array.from(bytes, (value) => Buffer.of(value));
      expect(runParser(singly, bounds)).to.deep.equal(runParser([bytes], bounds));
    });
    fc.assert(property, { numRuns: 500 });
  });

  it('takes any bytes at all', () => {
    const noise = fc.array(byte, { maxLength: 400 }).map((bytes) => Buffer.from(bytes));
    const property = fc.property(noise, cuts, (bytes, fractions) => {
      expect(runParser(cut(bytes, fractions), TIGHT)).to.deep.equal(runParser([bytes], TIGHT));
    });
    fc.assert(property, RUNS);
  });

  it('finds every request of a pipeline of good ones, handed over or not', () => {
    const pipeline = fc.array(fc.constantFrom(...CLOSED), { minLength: 1, maxLength: 6 });
    const property = fc.property(pipeline, cuts, fc.boolean(), (files, fractions, handOver) => {
      const bytes = Buffer.concat(files.map((file) => file.bytes));
      const seen = runParser(cut(bytes, fractions), DEFAULT_LIMITS, { handOver });
      const requests = files.flatMap((file) => runParser([file.bytes], DEFAULT_LIMITS).requests);
      expect(seen).to.deep.equal({ requests, error: undefined, rest: '' });
    });
    fc.assert(property, { numRuns: 1000 });
  });

  it('never lets a refused connection go on', () => {
    const property = fc.property(damaged, fc.constantFrom(...CORPUS), (bytes, more) => {
      const before = runParser([bytes], DEFAULT_LIMITS);
      fc.pre(before.error !== undefined);
      expect(runParser([bytes, more], DEFAULT_LIMITS)).to.deep.equal(before);
    });
    fc.assert(property, RUNS);
  });
});
