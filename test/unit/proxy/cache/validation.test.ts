import { expect } from 'chai';
import { freshened, updatedByHead, validatingFields } from '../../../../src/proxy/cache/validation.js';
import { fieldValue } from '../../../../src/proxy/fields.js';
import { dateIn, fieldsOf, NOW_MS, stored } from '../../../helpers/cached-responses.js';

const LATER = { requestedMs: NOW_MS + 5000, receivedMs: NOW_MS + 5000 };
const CHANGED = `Last-Modified: ${dateIn(-100)}`;

describe('proxy/cache/validation', () => {
  it('asks with what is stored instead of what the client has', () => {
    const request = fieldsOf(
      'A: b',
      'If-None-Match: "x"',
      'If-Modified-Since: x',
      'Range: bytes=0-1',
      'If-Range: "x"',
    );
    const fields = validatingFields(request, stored(200, ['ETag: "a"', CHANGED]));
    expect(fields).to.deep.equal(
      fieldsOf('A: b', 'If-None-Match: "a"', `If-Modified-Since: ${dateIn(-100)}`),
    );
    expect(validatingFields(request, stored(200, ['Last-Modified: foo', 'ETag: W/"a"']))).to.deep.equal(
      fieldsOf('A: b', 'If-None-Match: W/"a"'),
    );
  });

  it('takes over the fields of a 304, and begins to count anew', () => {
    const before = stored(200, ['ETag: "a"', 'A: 1', 'A: 2', 'B: 3', 'Cache-Control: max-age=1', 'Age: 90']);
    const after = freshened(before, fieldsOf('etag: "a"', 'a: 4', 'Cache-Control: max-age=60'), LATER)!;
    expect([fieldValue(after.fields, 'a'), fieldValue(after.fields, 'b')]).to.deep.equal(['4', '3']);
    expect([after.lifetimeMs, after.initialAgeMs, after.receivedMs]).to.deep.equal([
      60_000,
      0,
      LATER.receivedMs,
    ]);
    expect(fieldValue(after.fields, 'date')).to.equal(dateIn(5));
    expect(after.body).to.equal(before.body);
  });

  it('leaves the fields that tell of the bytes', () => {
    const before = stored(200, [
      'ETag: "a"',
      'Content-Length: 7',
      'Content-Encoding: gzip',
      'Content-Type: a/b',
    ]);
    const news = fieldsOf('Content-Length: 0', 'Content-Encoding: br', 'Content-Type: c/d');
    const { fields } = freshened(before, news, LATER)!;
    const now = ['content-length', 'content-encoding', 'content-type', 'etag'].map((name) =>
      fieldValue(fields, name),
    );
    expect(now).to.deep.equal(['7', 'gzip', 'c/d', '"a"']);
  });

  it('changes nothing when the 304 is about another response', () => {
    const before = stored(200, ['ETag: "a"', CHANGED]);
    expect(freshened(before, fieldsOf('ETag: "b"'), LATER)).to.equal(undefined);
    expect(freshened(before, fieldsOf(`Last-Modified: ${dateIn(0)}`), LATER)).to.equal(undefined);
    expect(freshened(before, fieldsOf('ETag: W/"a"'), LATER)).to.not.equal(undefined);
    expect(freshened(stored(200, ['ETag: W/"a"']), fieldsOf('ETag: "a"'), LATER)).to.equal(undefined);
  });

  it('takes over what the answer to a HEAD says of the same response', () => {
    const before = stored(200, ['ETag: "a"', 'Cache-Control: max-age=1']);
    const same = fieldsOf('ETag: "a"', 'Content-Length: 7', 'Cache-Control: max-age=60');
    expect(updatedByHead(before, 200, same, LATER)?.lifetimeMs).to.equal(60_000);
    expect(updatedByHead(before, 200, fieldsOf('ETag: "a"', 'Content-Length: 8'), LATER)).to.equal(undefined);
    expect(updatedByHead(before, 200, fieldsOf('ETag: "b"'), LATER)).to.equal(undefined);
    expect(updatedByHead(before, 404, same, LATER)).to.equal(undefined);
  });
});
