import { expect } from 'chai';
import { ReplyParser, type ReplyStart } from '../../../src/getfile/reply-parser.js';

function parse(pieces: readonly Buffer[]): ReplyStart | undefined {
  const parser = new ReplyParser();
  for (const [i, piece] of pieces.entries()) {
    const shared = Buffer.from(piece);
    const reply = parser.feed(shared);
    // Unless it was the last piece, the buffer is used again.
    if (reply === undefined) shared.fill('!');
    else return { ...reply, rest: Buffer.concat([reply.rest, ...pieces.slice(i + 1)]) };
  }
  return undefined;
}

function splits(text: string): Buffer[][] {
  const bytes = Buffer.from(text, 'latin1');
  const twice = Array.from(bytes.keys(), (at) => [bytes.subarray(0, at), bytes.subarray(at)]);
  return [[bytes], ...twice, Array.from(bytes.keys(), (at) => bytes.subarray(at, at + 1))];
}

describe('getfile/reply-parser', () => {
  const replies: readonly [text: string, status: string, length: number, rest: string][] = [
    ['GETFILE OK 3\r\n\r\nabc', 'OK', 3, 'abc'],
    ['GETFILE OK 0\r\n\r\n', 'OK', 0, ''],
    ['GETFILE OK 12 \r\n\r\n\r\n\r\n', 'OK', 12, '\r\n\r\n'],
    ['GETFILE FILE_NOT_FOUND\r\n\r\n', 'FILE_NOT_FOUND', 0, ''],
    ['GETFILE FILE_NOT_FOUND 0 \r\n\r\n', 'FILE_NOT_FOUND', 0, ''],
    ['GETFILE ERROR \r\n\r\n', 'ERROR', 0, ''],
    ['GETFILE INVALID\r\n\r\n', 'INVALID', 0, ''],
  ];
  for (const [text, status, length, rest] of replies) {
    it(`reads ${JSON.stringify(text)}, however it comes`, () => {
      for (const pieces of splits(text)) {
        const reply = parse(pieces)!;
        expect([reply.status, reply.length, reply.rest.toString()]).to.deep.equal([status, length, rest]);
      }
    });
  }

  for (const text of [
    'HTTP/1.1 200 OK\r\n\r\n',
    'GETFILE OK\r\n\r\n',
    'GETFILE OK -1\r\n\r\n',
    'GETFILE OK 1e3\r\n\r\n',
    'GETFILE OK 9999999999999999\r\n\r\n',
    'GETFILE MAYBE 3\r\n\r\n',
    `GETFILE OK ${' '.repeat(300)}`,
  ]) {
    it(`refuses ${JSON.stringify(text.slice(0, 40))}`, () => {
      for (const pieces of splits(text)) expect(() => parse(pieces)).to.throw('this is no GetFile reply: "');
    });
  }

  it('waits for the end of a head', () => {
    expect(parse([Buffer.from('GETFILE OK 3\r\n\r')])).to.equal(undefined);
  });
});
