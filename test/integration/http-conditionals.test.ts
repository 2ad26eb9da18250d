/** Conditional requests against real files, in the order of precedence of RFC 9110 section 13.2.2. */
import { expect } from 'chai';
import { settled } from '../helpers/eventually.js';
import { TestServer } from '../helpers/server.js';

const MTIME_S = 1_700_000_000;
const MODIFIED = 'Tue, 14 Nov 2023 22:13:20 GMT';
const BEFORE = 'Tue, 14 Nov 2023 22:13:19 GMT';
const AFTER = 'Tue, 14 Nov 2023 22:13:21 GMT';

describe('conditional requests', () => {
  let server: TestServer;
  before(async () => {
    server = await TestServer.start();
    server.site.file('small.txt', 'small');
    server.site.file('large.bin', Buffer.alloc(1_500_000, 'x'));
    server.site.touch('small.txt', MTIME_S);
    server.site.touch('large.bin', MTIME_S);
    await settled(server.site.at('large.bin'));
  });
  after(() => server?.stop());

  // From memory and from disk there are two ways, which must not differ.
  for (const target of ['/small.txt', '/large.bin']) {
    describe(`for ${target}`, () => {
      let etag = '';
      before(async () => {
        const response = await server.get(target);
        etag = response.field('etag')!;
        expect(response.field('last-modified')).to.equal(MODIFIED);
      });

      const statusOf = async (fields: Readonly<Record<string, string>>, method = 'GET') => {
        const response = await server.request(method, target, fields);
        if (response.status === 304) {
          expect(response.field('etag')).to.equal(etag);
          expect(response.field('cache-control')).to.equal('no-cache');
        }
        return response.status;
      };

      it('has a strong entity tag, the same in every worker and for HEAD', async () => {
        expect(etag).to.match(/^"[^"]+"$/);
        for (let n = 0; n < 6; n++) expect((await server.get(target)).field('etag')).to.equal(etag);
        expect((await server.request('HEAD', target)).field('etag')).to.equal(etag);
      });

      it('answers If-None-Match: one, in a list, weak, any', async () => {
        for (const value of [
          etag,
          `W/${etag}`,
          `"a", ${etag}`,
          `"a,b" ,, ${etag},"c"`,
          `W/"x", W/${etag}`,
          '*',
        ]) {
          expect(await statusOf({ 'If-None-Match': value }), value).to.equal(304);
          expect(await statusOf({ 'If-None-Match': value }, 'HEAD'), value).to.equal(304);
        }
        for (const value of ['"other"', 'W/"other"', etag.slice(1, -1), `${etag}x`, '""', '"*"']) {
          expect(await statusOf({ 'If-None-Match': value }), value).to.equal(200);
        }
      });

      it('answers If-Modified-Since, in all three forms of a date', async () => {
        for (const value of [
          MODIFIED,
          AFTER,
          'Tuesday, 14-Nov-23 22:13:20 GMT',
          'Tue Nov 14 22:13:20 2023',
        ]) {
          expect(await statusOf({ 'If-Modified-Since': value }), value).to.equal(304);
        }
        for (const value of [BEFORE, 'yesterday', '', '2023-11-14T22:13:20Z', `${MODIFIED}, ${MODIFIED}`]) {
          if (value !== '') expect(await statusOf({ 'If-Modified-Since': value }), value).to.equal(200);
        }
      });

      it('answers If-Match and If-Unmodified-Since with 412 where they fail', async () => {
        for (const value of [etag, '*', `"a", ${etag}`])
          expect(await statusOf({ 'If-Match': value })).to.equal(200);
        for (const value of ['"other"', `W/${etag}`])
          expect(await statusOf({ 'If-Match': value })).to.equal(412);
        expect(await statusOf({ 'If-Unmodified-Since': MODIFIED })).to.equal(200);
        expect(await statusOf({ 'If-Unmodified-Since': AFTER })).to.equal(200);
        expect(await statusOf({ 'If-Unmodified-Since': BEFORE })).to.equal(412);
        expect(await statusOf({ 'If-Unmodified-Since': 'never' })).to.equal(200);
        expect(await statusOf({ 'If-Unmodified-Since': BEFORE }, 'HEAD')).to.equal(412);
      });

      it('prefers tags to dates, and 412 to 304', async () => {
        const not = '"other"';
        expect(await statusOf({ 'If-None-Match': not, 'If-Modified-Since': AFTER })).to.equal(200);
        expect(await statusOf({ 'If-None-Match': etag, 'If-Modified-Since': BEFORE })).to.equal(304);
        expect(await statusOf({ 'If-Match': etag, 'If-Unmodified-Since': BEFORE })).to.equal(200);
        expect(await statusOf({ 'If-Match': not, 'If-None-Match': etag })).to.equal(412);
        expect(await statusOf({ 'If-Match': etag, 'If-None-Match': etag })).to.equal(304);
      });

      it('decides conditions before ranges', async () => {
        const range = { Range: 'bytes=0-0' };
        expect(await statusOf({ ...range, 'If-None-Match': etag })).to.equal(304);
        expect(await statusOf({ ...range, 'If-Match': '"other"' })).to.equal(412);
        expect(await statusOf({ ...range, 'If-Match': etag })).to.equal(206);
      });

      it('goes on with the connection after 304 and 412', async () => {
        const client = await server.connect();
        const ask = (field: string) =>
          client.exchange(`GET ${target} HTTP/1.1\r\nHost: x\r\n${field}\r\n\r\n`);
        expect((await ask(`If-None-Match: ${etag}`)).status).to.equal(304);
        expect((await ask('If-Match: "other"')).status).to.equal(412);
        expect((await ask('Accept: */*')).status).to.equal(200);
        client.destroy();
      });
    });
  }

  it('do not change what is not there, or cannot be done', async () => {
    expect((await server.get('/nothing', { 'If-None-Match': '*' })).status).to.equal(404);
    expect((await server.get('/nothing', { 'If-Match': '*' })).status).to.equal(404);
    expect((await server.request('DELETE', '/small.txt', { 'If-Match': '"other"' })).status).to.equal(405);
  });

  it('know a file by its content, not by its date: one that is copied anew is the same', async () => {
    const { site } = server;
    site.file('copy1.txt', 'content');
    site.file('copy2.txt', 'content');
    site.touch('copy2.txt', MTIME_S);
    expect((await server.get('/copy1.txt')).field('etag')).to.equal(
      (await server.get('/copy2.txt')).field('etag'),
    );
  });
});
