import { expect } from 'chai';
import type { Reply } from '../../../../src/http/reply.js';
import { fieldValue } from '../../../../src/proxy/fields.js';
import { UpstreamError, type UpstreamReply } from '../../../../src/proxy/upstream-reply.js';
import { CacheBench } from '../../../helpers/cache-bench.js';
import {
  answer,
  bodyOf,
  dateIn,
  fieldOf,
  ScriptedBody,
  TakenBody,
  textOf,
} from '../../../helpers/cached-responses.js';
import { Later } from '../../../helpers/later.js';

const FRESH = 'Cache-Control: max-age=60';
const ETAG = 'ETag: "a"';

function told(reply: Reply): unknown[] {
  return [reply.status, textOf(reply), reply.cache, fieldOf(reply, 'cache-status')];
}

describe('proxy/cache/proxy-cache', () => {
  let bench: CacheBench;

  beforeEach(() => {
    bench = new CacheBench();
  });

  describe('what is stored', () => {
    it('is answered at once, without a promise, until it is stale', async () => {
      bench.origin = () => answer(200, [FRESH]);
      const first = await bench.get('/a');
      expect(told(first)).to.deep.equal([200, 'content', 'MISS', 'handover; fwd=uri-miss; stored']);
      bench.wait(59);
      const second = bench.request('GET', '/a') as Reply;
      expect(told(second)).to.deep.equal([200, 'content', 'HIT', 'handover; hit; ttl=1']);
      expect(fieldOf(second, 'age')).to.equal('59');
      bench.wait(1);
      expect(told(await bench.get('/a'))).to.deep.equal([
        200,
        'content',
        'EXPIRED',
        'handover; fwd=stale; stored',
      ]);
      expect(bench.asked).to.have.lengthOf(2);
    });

    it('answers HEAD', async () => {
      bench.origin = () => answer(200, [FRESH]);
      textOf(await bench.get('/a'));
      const reply = bench.request('HEAD', '/a') as Reply;
      expect([reply.body, fieldOf(reply, 'content-length')]).to.deep.equal([null, '7']);
    });

    it('is found by what is asked for and the fields in Vary', async () => {
      bench.origin = (request) =>
        answer(200, [FRESH, 'Vary: Lang'], request.fields.find(([name]) => name === 'Lang')?.[1] ?? 'none');
      for (const lang of ['en', 'de', undefined]) textOf(await bench.get('/a', { Lang: lang }));
      expect(bench.asked).to.have.lengthOf(3);
      for (const lang of ['en', 'de', undefined]) {
        expect(told(await bench.get('/a', { Lang: lang })).slice(1, 3)).to.deep.equal([
          lang ?? 'none',
          'HIT',
        ]);
      }
      const other = await bench.get('/a', { Lang: 'fr' });
      expect(fieldOf(other, 'cache-status')).to.equal('handover; fwd=vary-miss; stored');
    });

    it('is asked about when it is stale, and goes on when it still holds', async () => {
      bench.origin = () => answer(200, [FRESH, ETAG, 'A: 1']);
      textOf(await bench.get('/a'));
      bench.wait(60);
      bench.origin = () => answer(304, [FRESH, ETAG, 'A: 2']);
      const reply = await bench.get('/a');
      expect(bench.askedFor('if-none-match')).to.equal('"a"');
      expect(told(reply)).to.deep.equal([
        200,
        'content',
        'REVALIDATED',
        'handover; fwd=stale; fwd-status=304',
      ]);
      expect(fieldOf(bench.request('GET', '/a') as Reply, 'a')).to.equal('2');
    });

    it('answers the condition of the client, whose own does not go on', async () => {
      bench.origin = () => answer(200, [FRESH, ETAG]);
      textOf(await bench.get('/a'));
      bench.wait(60);
      bench.origin = () => answer(304, [FRESH, ETAG]);
      expect((await bench.get('/a', { 'If-None-Match': '"x"' })).status).to.equal(200);
      bench.wait(60);
      expect((await bench.get('/a', { 'If-None-Match': '"a"' })).status).to.equal(304);
      expect(bench.askedFor('if-none-match')).to.equal('"a"');
    });

    it('is used while it is asked about in the background', async () => {
      bench.origin = () => answer(200, ['Cache-Control: max-age=1, stale-while-revalidate=60', ETAG]);
      textOf(await bench.get('/a'));
      bench.wait(10);
      const later = new Later<UpstreamReply>();
      bench.origin = () => later.promise;
      expect((bench.request('GET', '/a') as Reply).cache).to.equal('STALE');
      expect((bench.request('GET', '/a') as Reply).cache).to.equal('UPDATING');
      later.resolve(answer(200, [FRESH], 'new'));
      await new Promise(setImmediate);
      expect(told(bench.request('GET', '/a') as Reply).slice(1, 3)).to.deep.equal(['new', 'HIT']);
      expect(bench.asked).to.have.lengthOf(2);
    });

    it('stands in for an origin that fails, as far as it may', async () => {
      bench.origin = () => answer(200, ['Cache-Control: max-age=1, stale-if-error=60']);
      textOf(await bench.get('/a'));
      bench.wait(10);
      bench.origin = () => answer(503, []);
      const reply = await bench.get('/a');
      expect(told(reply)).to.deep.equal([
        200,
        'content',
        'STALE',
        'handover; fwd=stale; fwd-status=503; detail=stale-if-error',
      ]);
      bench.origin = () => new UpstreamError(502, 'refused');
      expect((await bench.get('/a')).cache).to.equal('STALE');
      bench.wait(60);
      bench.origin = () => answer(503, []);
      expect((await bench.get('/a')).status).to.equal(503);
    });

    it('is not used for who wants nothing stored, or what only the origin can tell', async () => {
      bench.origin = () => answer(200, [FRESH, ETAG]);
      textOf(await bench.get('/a'));
      for (const fields of [{ 'Cache-Control': 'no-store' }, { 'If-Match': '"a"' }]) {
        expect((await bench.get('/a', fields)).cache).to.equal('BYPASS');
      }
      expect((await bench.get('/a', { 'Cache-Control': 'no-cache' })).cache).to.equal('BYPASS');
    });

    it('is all there is for only-if-cached', async () => {
      const reply = await bench.get('/a', { 'Cache-Control': 'only-if-cached' });
      expect([reply.status, bench.asked.length]).to.deep.equal([504, 0]);
    });

    it('is brought up to date or forgotten by the answer to a HEAD', async () => {
      bench.origin = () => answer(200, ['Cache-Control: max-age=1', ETAG]);
      textOf(await bench.get('/a'));
      bench.wait(10);
      bench.origin = () => ({ ...answer(200, [FRESH, ETAG]), body: null });
      await bench.request('HEAD', '/a');
      expect((bench.request('GET', '/a') as Reply).cache).to.equal('HIT');
      bench.wait(60);
      bench.origin = () => ({ ...answer(200, [FRESH, 'ETag: "b"']), body: null });
      await bench.request('HEAD', '/a');
      expect(bench.store.count).to.equal(0);
    });

    it('is forgotten when the origin has something that is not to be stored', async () => {
      bench.origin = () => answer(200, [FRESH]);
      textOf(await bench.get('/a'));
      bench.wait(60);
      bench.origin = () => answer(200, ['Cache-Control: no-store']);
      expect((await bench.get('/a')).cache).to.equal('EXPIRED');
      expect(bench.store.count).to.equal(0);
    });

    it('is never a body that did not come whole', async () => {
      const body = new ScriptedBody();
      bench.origin = () => ({ ...answer(200, [FRESH]), body });
      const reply = await bench.get('/a');
      body.send('cont');
      body.sink?.fail(new Error('cut'));
      expect(bench.store.count).to.equal(0);
      expect(new TakenBody(bodyOf(reply)).error?.message).to.equal('cut');
    });
  });

  describe('requests for the same', () => {
    it('are one request to the origin, and all get every byte', async () => {
      const body = new ScriptedBody();
      const later = new Later<UpstreamReply>();
      bench.origin = () => later.promise;
      const replies = Array.from({ length: 100 }, () => bench.get('/a'));
      later.resolve({ ...answer(200, [FRESH]), body });
      const taken = (await Promise.all(replies)).map((reply) => new TakenBody(bodyOf(reply)));
      const late = await bench.get('/a');
      expect(fieldOf(late, 'cache-status')).to.equal('handover; fwd=uri-miss; collapsed');
      body.send('con');
      body.send('tent');
      body.sink?.end();
      for (const each of taken) expect(each).to.include({ text: 'content', isEnded: true });
      expect(textOf(late)).to.equal('content');
      expect(bench.asked).to.have.lengthOf(1);
    });

    it('wait for the end of a body whose length is not known', async () => {
      const body = new ScriptedBody();
      bench.origin = () => ({ ...answer(200, [FRESH]), body, length: undefined });
      await bench.get('/a');
      const second = bench.get('/a');
      await new Promise(setImmediate);
      body.send('content');
      body.sink?.end();
      expect(told(await second).slice(0, 3)).to.deep.equal([200, 'content', 'HIT']);
    });

    it('go on by themselves, all at once, when the answer is for one alone', async () => {
      const laters: Later<UpstreamReply>[] = [];
      bench.origin = () => {
        laters.push(new Later());
        return laters.at(-1)!.promise;
      };
      const replies = Array.from({ length: 10 }, () => bench.get('/a'));
      await new Promise(setImmediate);
      expect(laters).to.have.lengthOf(1);
      laters[0]!.resolve(answer(200, ['Cache-Control: private'], 'first'));
      await new Promise(setImmediate);
      expect(laters).to.have.lengthOf(10);
      for (const [i, later] of laters.entries())
        later.resolve(answer(200, ['Cache-Control: private'], String(i)));
      const texts = (await Promise.all(replies)).map(textOf);
      expect(new Set(texts).size).to.equal(10);
      const next = [bench.get('/a'), bench.get('/a')];
      await new Promise(setImmediate);
      expect(laters, 'nobody waits to find out again').to.have.lengthOf(12);
      for (const later of laters) later.resolve(answer(200, ['Cache-Control: private']));
      await Promise.all(next);
    });

    it('get what was chosen for them, by the fields in Vary', async () => {
      const later = new Later<void>();
      bench.origin = async ({ fields }) => {
        await later.promise;
        return answer(200, [FRESH, 'Vary: Lang'], fields.find(([name]) => name === 'Lang')?.[1]);
      };
      const langs = ['en', 'de', 'en', 'fr', 'de'];
      const replies = langs.map((lang) => bench.get('/a', { Lang: lang }));
      later.resolve();
      expect((await Promise.all(replies)).map(textOf)).to.deep.equal(langs);
      expect(bench.asked).to.have.lengthOf(3);
    });

    it('fail together', async () => {
      const later = new Later<UpstreamReply>();
      bench.origin = () => later.promise;
      const replies = Promise.allSettled([bench.get('/a'), bench.get('/a')]);
      later.reject(new UpstreamError(504, 'silent'));
      expect((await replies).map(({ status }) => status)).to.deep.equal(['rejected', 'rejected']);
      expect(bench.asked).to.have.lengthOf(1);
    });

    it('do not wait when they are for a part, or on condition', async () => {
      bench.origin = () => new Promise(() => undefined);
      for (const fields of [{}, { Range: 'bytes=0-1' }, { 'If-None-Match': '"a"' }])
        void bench.get('/a', fields);
      await new Promise(setImmediate);
      expect(bench.asked).to.have.lengthOf(3);
      const ranges = bench.asked.map(({ fields }) => fieldValue(fields, 'range'));
      expect(ranges).to.include('bytes=0-1');
    });
  });

  describe('what changes something', () => {
    beforeEach(async () => {
      bench.origin = () => answer(200, [FRESH]);
      for (const target of ['/a', '/b', '/c', '/d']) textOf(await bench.get(target));
    });

    const isStored = (target: string): boolean => bench.store.get(`http://o${target}`) !== undefined;

    it('makes all forget what it names, when it succeeds', async () => {
      bench.origin = () => answer(201, ['Location: /b', 'Content-Location: http://o/c']);
      expect((await bench.request('PUT', '/a')).cache).to.equal('BYPASS');
      expect(['/a', '/b', '/c', '/d'].map(isStored)).to.deep.equal([false, false, false, true]);
      expect(bench.told).to.deep.equal(['http://o/a', 'http://o/b', 'http://o/c']);
    });

    it('makes nobody forget what is of another origin, or when it fails', async () => {
      bench.origin = () => answer(201, ['Location: http://elsewhere/b']);
      await bench.request('POST', '/d');
      bench.origin = () => answer(500, []);
      await bench.request('DELETE', '/a');
      bench.origin = () => answer(200, []);
      await bench.request('OPTIONS', '/a');
      expect(['/a', '/b', '/d'].map(isStored)).to.deep.equal([true, true, false]);
    });

    it('keeps what was on its way from being stored, but not from who waits for it', async () => {
      const body = new ScriptedBody();
      bench.origin = () => ({ ...answer(200, [FRESH]), body });
      const old = await bench.get('/e');
      bench.origin = () => answer(200, []);
      await bench.request('M-SEARCH', '/e');
      body.send('content');
      body.sink?.end();
      expect(textOf(old)).to.equal('content');
      expect(isStored('/e')).to.equal(false);
    });

    it('forgets all variants', async () => {
      bench.origin = () => answer(200, [FRESH, 'Vary: Lang']);
      textOf(await bench.get('/v', { Lang: 'en' }));
      expect(await bench.cache.purge(['http://o/v'])).to.equal(true);
      expect(await bench.cache.purge(['http://o/v'])).to.equal(false);
      expect((await bench.get('/v', { Lang: 'en' })).cache).to.equal('MISS');
      textOf(await bench.get('/v', { Lang: 'de' }));
    });

    it('may bring what a GET would bring', async () => {
      bench.origin = () => answer(200, [FRESH, 'Content-Location: /a'], 'posted');
      expect(textOf(await bench.request('POST', '/a'))).to.equal('posted');
      expect(textOf(bench.request('GET', '/a') as Reply)).to.equal('posted');
    });
  });

  it('passes on what is too large, and does not keep it', async () => {
    bench.origin = () => answer(200, [FRESH], 'x'.repeat(1001));
    expect(textOf(await bench.get('/a'))).to.have.lengthOf(1001);
    expect(bench.store.count).to.equal(0);
    const { length, ...unknown } = answer(200, [FRESH], 'x'.repeat(1001));
    bench.origin = () => ({ ...unknown, length: undefined });
    expect([length, textOf(await bench.get('/a')).length]).to.deep.equal([1001, 1001]);
    expect(bench.store.count).to.equal(0);
  });

  it('guesses how long something is fresh that does not say it', async () => {
    bench.origin = () => answer(200, [`Last-Modified: ${dateIn(-1000)}`]);
    textOf(await bench.get('/a'));
    bench.wait(99);
    expect((bench.request('GET', '/a') as Reply).cache).to.equal('HIT');
  });
});
