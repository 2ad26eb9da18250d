import { expect } from 'chai';
import type { Reply } from '../../../../src/http/reply.js';
import { storedReply } from '../../../../src/proxy/cache/stored-reply.js';
import { StoredResponse } from '../../../../src/proxy/cache/stored-response.js';
import { dateIn, fieldOf, fieldsOf, NOW_MS, stored, textOf } from '../../../helpers/cached-responses.js';
import { PlacedText } from '../../../helpers/placed-text.js';

const ENTITY = [
  'ETag: "a"',
  'Content-Type: text/plain',
  'Content-Length: 7',
  `Last-Modified: ${dateIn(-100)}`,
  'X: y',
];

function ask(response: StoredResponse, ...request: string[]): Reply {
  const from = { lines: 'Age: 5\r\n', state: 'HIT' } as const;
  return storedReply(response, { method: 'GET', fields: fieldsOf(...request) }, from, NOW_MS)!;
}

describe('proxy/cache/stored-reply', () => {
  it('is what was stored, with its age', () => {
    const reply = ask(stored(200, ENTITY));
    expect([reply.status, textOf(reply), fieldOf(reply, 'age'), fieldOf(reply, 'x')]).to.deep.equal([
      200,
      'content',
      '5',
      'y',
    ]);
    expect(reply).to.include({ cache: 'HIT', isRelayed: true });
  });

  it('has no body for HEAD', () => {
    const from = { lines: '', state: 'HIT' } as const;
    const reply = storedReply(stored(200, ENTITY), { method: 'HEAD', fields: [] }, from, NOW_MS)!;
    expect([reply.body, fieldOf(reply, 'content-length')]).to.deep.equal([null, '7']);
  });

  it('is 304 for who has it, with the fields that tell of it', () => {
    const reply = ask(stored(200, ENTITY), 'If-None-Match: "b", W/"a"');
    expect([reply.status, reply.body, fieldOf(reply, 'etag'), fieldOf(reply, 'age')]).to.deep.equal([
      304,
      null,
      '"a"',
      '5',
    ]);
    expect(reply.fields).to.not.match(/^content-/im);
  });

  it('goes by If-Modified-Since only without If-None-Match', () => {
    const since = `If-Modified-Since: ${dateIn(-100)}`;
    expect(ask(stored(200, ENTITY), since).status).to.equal(304);
    expect(ask(stored(200, ENTITY), since, 'If-None-Match: "b"').status).to.equal(200);
    expect(ask(stored(200, ENTITY), `If-Modified-Since: ${dateIn(-101)}`).status).to.equal(200);
  });

  it('takes Date for the last change where there is no other', () => {
    const response = stored(200, [`Date: ${dateIn(-50)}`]);
    expect(ask(response, `If-Modified-Since: ${dateIn(-50)}`).status).to.equal(304);
    expect(ask(response, `If-Modified-Since: ${dateIn(-51)}`).status).to.equal(200);
  });

  it('evaluates no condition where the answer is no 200', () => {
    expect(ask(stored(404, ENTITY), 'If-None-Match: "a"', 'Range: bytes=0-1').status).to.equal(404);
  });

  it('is a part of what is stored whole', () => {
    const reply = ask(stored(200, ENTITY), 'Range: bytes=1-2');
    expect([reply.status, textOf(reply), fieldOf(reply, 'content-range')]).to.deep.equal([
      206,
      'on',
      'bytes 1-2/7',
    ]);
    expect(reply.fields.match(/content-length/gi)).to.have.lengthOf(1);
  });

  it('is several parts', () => {
    const reply = ask(stored(200, ENTITY), 'Range: bytes=0-0,-1');
    expect(reply.status).to.equal(206);
    expect(fieldOf(reply, 'content-type')).to.match(/^multipart\/byteranges; boundary=/);
    expect(fieldOf(reply, 'content-length')).to.equal(String(textOf(reply).length));
  });

  it('is the whole when If-Range names another', () => {
    expect(ask(stored(200, ENTITY), 'Range: bytes=1-2', 'If-Range: "b"').status).to.equal(200);
    expect(ask(stored(200, ENTITY), 'Range: bytes=1-2', 'If-Range: "a"').status).to.equal(206);
  });

  it('is the same when the body lies elsewhere', () => {
    const place = new PlacedText('content');
    const placed = new StoredResponse(stored(200, ENTITY), place);
    expect(textOf(ask(placed))).to.equal('content');
    expect(textOf(ask(placed, 'Range: bytes=1-2'))).to.equal('on');
    expect(textOf(ask(placed, 'Range: bytes=0-0,-1'))).to.match(/\r\n\r\nc\r\n--.*\r\n\r\nt\r\n--/s);
    place.isGone = true;
    expect(ask(placed)).to.equal(undefined);
    expect(ask(placed, 'Range: bytes=1-2')).to.equal(undefined);
    expect(ask(placed, 'Range: bytes=7-').status, 'what needs no body').to.equal(416);
    expect(ask(placed, 'If-None-Match: "a"').status).to.equal(304);
    place.end();
  });

  it('is 416 for a part that it does not have', () => {
    const reply = ask(stored(200, ENTITY), 'Range: bytes=7-');
    expect([reply.status, fieldOf(reply, 'content-range')]).to.deep.equal([416, 'bytes */7']);
  });
});
