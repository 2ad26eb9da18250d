import { expect } from 'chai';
import { djb2 } from '../../../src/cache/djb2.js';
import { type CorpusFile, type ExpectedRequest, fromEscaped, readCorpus } from '../../helpers/corpus.js';
import { runParser, type SeenRequest, type Transcript } from '../../helpers/parser-run.js';

function splitAt(bytes: Buffer, position: number): Buffer[] {
  return [bytes.subarray(0, position), bytes.subarray(position)];
}

function singly(bytes: Buffer): Buffer[] {
  return Array.from(bytes, (byte) => Buffer.of(byte));
}

function latin1(escaped: string): string {
  return fromEscaped(escaped).toString('latin1');
}

function checkRequest(seen: SeenRequest, expected: ExpectedRequest): void {
  const target = latin1(expected.target);
  const [, path, query] = /^([^?]*)(.*)$/s.exec(target)!;
  const { fields, keyHash, ...rest } = seen;
  expect(rest).to.deep.equal({
    method: expected.method,
    target,
    path: expected.path === undefined ? path : latin1(expected.path),
    query: expected.query === undefined ? query : latin1(expected.query),
    version: expected.version ?? '1.1',
    known: expected.known ?? true,
    keepAlive: expected.keepAlive ?? true,
    expectsContinue: expected.expectsContinue ?? false,
    chunked: expected.chunked ?? false,
    body: latin1(expected.body ?? ''),
    complete: expected.complete ?? true,
  });
  expect(keyHash, 'hash of the path').to.equal(djb2(Buffer.from(seen.path, 'latin1')));
  for (const [name, value] of Object.entries(expected.fields ?? {})) {
    expect(fields[name], name).to.equal(value === null ? undefined : latin1(value));
  }
}

function check(transcript: Transcript, { expected }: CorpusFile): void {
  expect(transcript.error).to.deep.equal(expected.error);
  expect(transcript.rest).to.equal(latin1(expected.rest ?? ''));
  expect(transcript.requests).to.have.lengthOf(expected.requests.length);
  expected.requests.forEach((request, i) => {
    checkRequest(transcript.requests[i]!, request);
  });
}

describe('http/parser: corpus', () => {
  for (const kind of ['valid', 'invalid'] as const) {
    describe(kind, () => {
      for (const file of readCorpus(kind)) {
        it(`${file.name}: ${file.expected.about}`, () => {
          const { bytes, limits } = file;
          expect('error' in file.expected).to.equal(kind === 'invalid');
          const whole = runParser([bytes], limits);
          check(whole, file);
          expect(runParser(singly(bytes), limits), 'byte by byte').to.deep.equal(whole);
          expect(runParser([bytes], limits, { handOver: true }), 'handed over').to.deep.equal(whole);
          const step = Math.ceil(bytes.length / 2000);
          for (let at = 1; at < bytes.length; at += step) {
            expect(runParser(splitAt(bytes, at), limits), `split at ${at}`).to.deep.equal(whole);
          }
        });
      }
    });
  }
});
