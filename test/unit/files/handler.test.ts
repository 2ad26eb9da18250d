import { expect } from 'chai';
import type { FoundListing } from '../../../src/files/found.js';
import { PreparedReply } from '../../../src/http/serialise.js';
import { foundFile, foundVariant } from '../../helpers/fake-tasks.js';
import { HandlerBench } from '../../helpers/handler-bench.js';
import { Later } from '../../helpers/later.js';
import { fieldOf, textOf } from '../../helpers/replies.js';

const LARGE = 'x'.repeat(5000);
const HTML = { Accept: 'text/html,*/*;q=0.8' };

describe('files/handler', () => {
  let bench: HandlerBench;

  beforeEach(() => {
    bench = new HandlerBench();
    bench.tasks.found.set('/a.txt', foundFile('/a.txt', 'text'));
  });

  describe('methods', () => {
    it('that are known and change things are refused with 405 and what is allowed', async () => {
      for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'TRACE', 'PROPFIND']) {
        const reply = await bench.ask('/a.txt', {}, method);
        expect([reply.status, fieldOf(reply, 'allow')], method).to.deep.equal([405, 'GET, HEAD, OPTIONS']);
      }
    });

    it('that nobody knows are refused with 501', async () => {
      for (const method of ['BREW', 'get'])
        expect((await bench.ask('/a.txt', {}, method)).status).to.equal(501);
    });

    it('may be asked for', async () => {
      for (const target of ['*', '/a.txt', '/missing']) {
        const reply = await bench.ask(target, {}, 'OPTIONS');
        expect([reply.status, reply.body, fieldOf(reply, 'content-length')]).to.deep.equal([200, null, '0']);
        expect(fieldOf(reply, 'allow')).to.equal('GET, HEAD, OPTIONS');
      }
      expect(bench.tasks.lookups).to.deep.equal([]);
    });
  });

  describe('a file in memory', () => {
    it('is looked up, and then answered at once, from prepared bytes', async () => {
      const miss = await bench.get('/a.txt');
      expect([miss.status, textOf(miss), miss.cache]).to.deep.equal([200, 'text', 'MISS']);
      const hit = bench.ask('/a.txt');
      expect(hit).to.be.instanceOf(PreparedReply).and.to.include({ cache: 'HIT' });
      expect(bench.ask('/a.txt')).to.equal(hit);
    });

    it('is one file by whatever spelling, for the disk and the cache', async () => {
      const gate = new Later<void>();
      bench.tasks.gate = gate.promise;
      bench.tasks.found.set('/a-b.txt', foundFile('/a-b.txt', LARGE));
      const spellings = ['/a-b.txt', '/%61-b.txt', '//a-b.txt', '/x/../a-b.txt', '/./a%2Db.txt'];
      const replies = spellings.map((target) => bench.get(target, { 'Accept-Encoding': 'br' }));
      gate.resolve();
      for (const reply of await Promise.all(replies))
        expect(fieldOf(reply, 'content-encoding')).to.equal('br');
      expect(bench.tasks.lookups).to.deep.equal([{ rawPath: '/a-b.txt' }]);
      expect(bench.tasks.compressions).to.deep.equal(['br']);
    });

    it('is the same whatever the query', async () => {
      await bench.get('/a.txt?v=1');
      expect(bench.ask('/a.txt?v=2')).to.include({ cache: 'HIT' });
    });

    it('has the same fields for HEAD and no body, also when it is not cached', async () => {
      const whole = await bench.get('/a.txt');
      bench.pass(5000);
      for (const state of ['REVALIDATED', 'HIT']) {
        const reply = await bench.head('/a.txt');
        expect([reply.fields, reply.body, reply.cache]).to.deep.equal([whole.fields, null, state]);
      }
    });

    it('is asked after when its time is over', async () => {
      await bench.get('/a.txt');
      bench.pass(1000);
      expect((await bench.get('/a.txt')).cache).to.equal('REVALIDATED');
      bench.tasks.found.set('/a.txt', foundFile('/a.txt', 'new', 2));
      bench.pass(1000);
      const changed = await bench.get('/a.txt');
      expect([changed.cache, textOf(changed)]).to.deep.equal(['EXPIRED', 'new']);
    });

    it('is looked up once for many requests, each with its own conditions', async () => {
      const answer = bench.tasks.later('/b.txt');
      const asked = [
        bench.get('/b.txt'),
        bench.head('/b.txt'),
        bench.get('/b.txt', { Range: 'bytes=0-1' }),
        bench.get('/b.txt', { 'If-None-Match': '"/b.txt-1"' }),
        bench.get('/b.txt', { 'If-Match': '"x"' }),
      ];
      answer.resolve(foundFile('/b.txt', 'text'));
      const replies = await Promise.all(asked);
      expect(replies.map(({ status }) => status)).to.deep.equal([200, 200, 206, 304, 412]);
      expect(replies.map(textOf).slice(0, 4)).to.deep.equal(['text', '', 'te', '']);
      expect(bench.tasks.lookups).to.have.lengthOf(1);
    });
  });

  describe('compression', () => {
    beforeEach(() => {
      bench.tasks.found.set('/large.txt', foundFile('/large.txt', LARGE));
    });

    it('is done once for all who wait, and then at hand', async () => {
      const replies = await Promise.all(
        Array.from({ length: 10 }, () => bench.get('/large.txt', { 'Accept-Encoding': 'gzip, br' })),
      );
      expect(replies.every((reply) => fieldOf(reply, 'content-encoding') === 'br')).to.equal(true);
      expect(bench.tasks.compressions).to.deep.equal(['br']);
      const hit = bench.ask('/large.txt', { 'Accept-Encoding': 'gzip, br' });
      expect(hit).to.be.instanceOf(PreparedReply).and.to.include({ cache: 'HIT' });
    });

    it('is not done for who does not want it', async () => {
      const reply = await bench.get('/large.txt');
      expect([fieldOf(reply, 'content-encoding'), fieldOf(reply, 'vary')]).to.deep.equal([
        undefined,
        'Accept-Encoding',
      ]);
      expect(bench.tasks.compressions).to.deep.equal([]);
    });

    it('is tried once where it saves nothing', async () => {
      bench.tasks.ratio = 2;
      for (let i = 0; i < 3; i++) {
        const reply = await bench.get('/large.txt', { 'Accept-Encoding': 'br' });
        expect(fieldOf(reply, 'content-encoding')).to.equal(undefined);
      }
      expect(bench.tasks.compressions).to.deep.equal(['br']);
      expect(bench.ask('/large.txt', { 'Accept-Encoding': 'br' })).to.be.instanceOf(PreparedReply);
    });

    it('that fails does not keep the file from being served', async () => {
      bench.tasks.gate = Promise.reject(new Error('the pool is full'));
      const reply = await bench.get('/large.txt', { 'Accept-Encoding': 'br' });
      expect([reply.status, textOf(reply).length, fieldOf(reply, 'content-encoding')]).to.deep.equal([
        200,
        LARGE.length,
        undefined,
      ]);
      expect(bench.reports.join()).to.include('the pool is full');
    });

    it('gives a form with its own tag, conditions and ranges', async () => {
      const br = { 'Accept-Encoding': 'br' };
      const whole = await bench.get('/large.txt', br);
      const etag = fieldOf(whole, 'etag')!;
      expect(etag).to.not.equal(fieldOf(await bench.get('/large.txt'), 'etag'));
      expect((await bench.get('/large.txt', { ...br, 'If-None-Match': etag })).status).to.equal(304);
      expect((await bench.get('/large.txt', { 'If-None-Match': etag })).status).to.equal(200);
      const part = await bench.get('/large.txt', { ...br, Range: 'bytes=0-3', 'If-Range': etag });
      expect([part.status, fieldOf(part, 'content-encoding'), fieldOf(part, 'content-range')]).to.deep.equal([
        206,
        'br',
        'bytes 0-3/2500',
      ]);
    });

    it('prefers what lies beside the file', async () => {
      const found = foundFile('/large.txt', LARGE);
      const sidecar = foundVariant('/large.txt.gz', 'gz', { coding: 'gzip' });
      bench.tasks.found.set('/large.txt', { ...found, variants: [...found.variants, sidecar] });
      const reply = await bench.get('/large.txt', { 'Accept-Encoding': 'br, gzip' });
      expect([textOf(reply), bench.tasks.compressions.length]).to.deep.equal(['gz', 0]);
    });
  });

  describe('a redirect', () => {
    beforeEach(() => {
      bench.tasks.found.set('/docs', { kind: 'redirect', location: '/docs/' });
    });

    const location = async (target: string): Promise<string | undefined> =>
      fieldOf(await bench.get(target), 'location');

    it('keeps the query, and makes a URI of it', async () => {
      expect(await location('/docs')).to.equal('/docs/');
      expect(await location('/docs?a=b&c=/?d')).to.equal('/docs/?a=b&c=/?d');
      expect(await location('/docs?')).to.equal('/docs/?');
      expect(await location('/docs?\xc3\xa9')).to.equal('/docs/?%C3%A9');
      expect(await location('http://a/docs?x')).to.equal('/docs/?x');
    });

    it('is shown without its query being taken for HTML', async () => {
      const reply = await bench.get('/docs?<script>alert(1)</script>');
      expect(textOf(reply)).to.include('&lt;script&gt;').and.to.not.include('<script>');
    });

    it('has no body for HEAD, and is cached', async () => {
      expect(await bench.head('/docs')).to.include({ status: 301, body: null, cache: 'MISS' });
      expect(await bench.get('/docs')).to.include({ status: 301, cache: 'HIT' });
    });
  });

  describe('a listing', () => {
    beforeEach(() => {
      bench.tasks.found.set('/', {
        kind: 'listing',
        urlPath: '/',
        identity: 'l',
        html: Buffer.from('<ul>'),
        json: Buffer.from('[]'),
        htmlEtag: '"h"',
        jsonEtag: '"j"',
      });
    });

    it('is HTML, or JSON for who prefers that', async () => {
      expect(textOf(await bench.get('/'))).to.equal('<ul>');
      expect(textOf(await bench.get('/', { Accept: 'application/json' }))).to.equal('[]');
      expect(textOf(await bench.get('/', HTML))).to.equal('<ul>');
    });

    it('is compressed once for who takes that', async () => {
      const html = Buffer.from(LARGE);
      const { found } = bench.tasks;
      found.set('/', { ...(found.get('/') as FoundListing), html });
      for (const state of ['MISS', 'HIT']) {
        const reply = await bench.get('/', { 'Accept-Encoding': 'br' });
        expect([fieldOf(reply, 'content-encoding'), fieldOf(reply, 'etag')]).to.deep.equal(['br', '"h-br"']);
        expect(fieldOf(reply, 'vary')).to.equal('Accept, Accept-Encoding');
        expect(reply.cache).to.equal(state);
      }
      expect(textOf(await bench.get('/'))).to.equal(LARGE);
      expect(textOf(await bench.get('/', { 'Accept-Encoding': 'br', Accept: 'application/json' }))).to.equal(
        '[]',
      );
      expect(bench.tasks.compressions).to.deep.equal(['br']);
    });

    it('has conditions for each form', async () => {
      expect((await bench.get('/', { 'If-None-Match': '"h"' })).status).to.equal(304);
      expect((await bench.get('/', { 'If-None-Match': '"h"', Accept: 'application/json' })).status).to.equal(
        200,
      );
      expect(await bench.head('/')).to.deep.include({ status: 200, body: null });
    });
  });

  describe('what goes wrong', () => {
    it('is 400 for broken encoding and 404 for what no file can be named, without asking the disk', async () => {
      expect(await bench.get('/%zz')).to.include({ status: 400, cache: 'BYPASS' });
      expect(await bench.get('/a%2fb')).to.include({ status: 404, cache: 'BYPASS' });
      expect(await bench.get('/.hidden')).to.include({ status: 404, cache: 'BYPASS' });
      expect(bench.tasks.lookups).to.deep.equal([]);
    });

    it('is 404 for what is not there, and remembered', async () => {
      expect(await bench.get('/none')).to.include({ status: 404, cache: 'MISS' });
      expect(await bench.get('/none')).to.include({ status: 404, cache: 'HIT' });
      expect(await bench.head('/none')).to.include({ status: 404, body: null });
    });

    it('is 503 when it is worth trying again, and 500 when not, and reported', async () => {
      bench.tasks.found.set('/busy', { kind: 'busy', reason: 'EMFILE' });
      bench.tasks.found.set('/failed', { kind: 'failed', reason: 'EIO' });
      const busy = await bench.get('/busy');
      expect([busy.status, fieldOf(busy, 'retry-after')]).to.deep.equal([503, '1']);
      expect((await bench.head('/failed')).status).to.equal(500);
      expect(bench.reports).to.deep.equal(['/busy: EMFILE', '/failed: EIO']);
    });

    it('keeps the connection', async () => {
      expect([(await bench.get('/none')).close, (await bench.ask('/', {}, 'POST')).close]).to.deep.equal([
        false,
        false,
      ]);
    });
  });
});
