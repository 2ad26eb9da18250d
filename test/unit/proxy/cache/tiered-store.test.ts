import { expect } from 'chai';
import type { Reply } from '../../../../src/http/reply.js';
import { MemoryStore } from '../../../../src/proxy/cache/response-store.js';
import { TieredStore } from '../../../../src/proxy/cache/tiered-store.js';
import { fieldValue } from '../../../../src/proxy/fields.js';
import { UpstreamError, type UpstreamReply } from '../../../../src/proxy/upstream-reply.js';
import { MemoryCache } from '../../../../src/shared-cache/memory-cache.js';
import type { Fill as SharedFill } from '../../../../src/shared-cache/shared-cache.js';
import { CacheBench } from '../../../helpers/cache-bench.js';
import { answer, fieldOf, ScriptedBody, textOf } from '../../../helpers/cached-responses.js';
import { Later } from '../../../helpers/later.js';

const FRESH = 'Cache-Control: max-age=60';
const turn = (): Promise<void> => new Promise(setImmediate);

describe('proxy/cache/tiered-store', () => {
  let shared: MemoryCache;
  let one: CacheBench;
  let other: CacheBench;

  beforeEach(() => {
    shared = new MemoryCache({ maxBytes: 1024 * 1024, maxLookupBytes: 100 });
    const worker = (): CacheBench => {
      const bench: CacheBench = new CacheBench({
        store: new TieredStore(new MemoryStore(100_000), shared),
        tellOthers: async (keys) => {
          const others = [one, other].filter((each) => each !== bench);
          return others.map(({ cache }) => cache.forget(keys)).includes(true);
        },
      });
      return bench;
    };
    one = worker();
    other = worker();
  });

  it('gives every worker what one has brought', async () => {
    one.origin = () => answer(200, [FRESH, 'A: 1']);
    textOf(await one.get('/a'));
    await turn();
    const reply = other.request('GET', '/a') as Reply;
    expect([textOf(reply), reply.cache, fieldOf(reply, 'a')]).to.deep.equal(['content', 'HIT', '1']);
  });

  it('gives them what is too large to be copied at once, too', async () => {
    one.origin = () => answer(200, [FRESH], 'x'.repeat(500));
    textOf(await one.get('/a'));
    await turn();
    const reply = await other.get('/a');
    expect([textOf(reply).length, reply.cache]).to.deep.equal([500, 'HIT']);
  });

  it('holds of that the head alone, and asks again when the body is gone', async () => {
    one.origin = () => answer(200, [FRESH, 'ETag: "a"'], 'x'.repeat(500));
    textOf(await one.get('/a'));
    await turn();
    const part = await other.get('/a', { Range: 'bytes=498-' });
    expect([part.status, textOf(part), part.cache]).to.deep.equal([206, 'xx', 'HIT']);
    // In another way than by removing it, of which all are told.
    const { version } = shared.lookup(Buffer.from('http://o/a'))!;
    const fill = (await shared.claim(Buffer.from('http://o/a'), { seen: version, waitMs: 0 })) as SharedFill;
    fill.write(Buffer.from('small'));
    await fill.commit(Buffer.from('no head'));
    other.origin = () => answer(200, [FRESH], 'y'.repeat(500));
    const again = await other.get('/a');
    expect([textOf(again).slice(0, 2), again.cache]).to.deep.equal(['yy', 'MISS']);
    other.origin = () => answer(200, [FRESH], 'z');
    expect((await other.get('/a', { 'If-None-Match': '"a"' })).status).to.equal(200);
  });

  it('asks for the whole when what was said to hold still is gone', async () => {
    one.origin = () => answer(200, [FRESH, 'ETag: "a"'], 'x'.repeat(500));
    textOf(await one.get('/a'));
    await turn();
    textOf(other.request('GET', '/a') as Reply);
    for (const each of [one, other]) each.wait(60);
    other.origin = ({ fields }) => {
      if (fieldValue(fields, 'if-none-match') === undefined) return answer(200, [FRESH], 'y'.repeat(500));
      void shared.removePrefix(Buffer.alloc(0));
      return answer(304, [FRESH, 'ETag: "a"']);
    };
    const replies = await Promise.all([1, 2, 3].map(() => other.get('/a')));
    expect(replies.map((reply) => textOf(reply).slice(0, 2))).to.deep.equal(['yy', 'yy', 'yy']);
    expect(other.asked).to.have.length(2);
  });

  it('keeps for itself what is too large for the shared cache', async () => {
    shared = new MemoryCache({ maxBytes: 41_000, maxLookupBytes: 10 });
    expect(shared.stats().store?.maxBodyBytes).to.equal(40);
    const bench = new CacheBench({ store: new TieredStore(new MemoryStore(100_000), shared) });
    bench.origin = () => answer(200, [FRESH], 'x'.repeat(500));
    textOf(await bench.get('/a'));
    await turn();
    expect(shared.lookup(Buffer.from('http://o/a'))).to.equal(undefined);
    expect(textOf(bench.request('GET', '/a') as Reply).length).to.equal(500);
  });

  it('gives them the variant that is chosen for them', async () => {
    one.origin = () => answer(200, [FRESH, 'Vary: Lang'], 'english');
    textOf(await one.get('/a', { Lang: 'en' }));
    await turn();
    other.origin = () => answer(200, [FRESH, 'Vary: Lang'], 'deutsch');
    expect(textOf(await other.get('/a', { Lang: 'en' }))).to.equal('english');
    expect(textOf(await other.get('/a', { Lang: 'de' }))).to.equal('deutsch');
    await turn();
    expect(textOf(await one.get('/a', { Lang: 'de' }))).to.equal('deutsch');
  });

  it('lets one worker ask for what many want', async () => {
    const body = new ScriptedBody();
    one.origin = () => ({ ...answer(200, [FRESH]), body });
    const first = await one.get('/a');
    const replies = Array.from({ length: 10 }, () => other.get('/a'));
    await turn();
    body.send('content');
    body.sink?.end();
    expect(textOf(first)).to.equal('content');
    for (const reply of await Promise.all(replies))
      expect([textOf(reply), reply.cache]).to.deep.equal(['content', 'HIT']);
  });

  it('lets one worker ask for each variant', async () => {
    const body = new ScriptedBody();
    const vary = [FRESH, 'Vary: Lang'];
    one.origin = () => ({ ...answer(200, vary), body });
    void one.get('/a', { Lang: 'en' });
    await turn();
    other.origin = () => answer(200, vary, 'deutsch');
    const same = other.get('/a', { Lang: 'en' });
    expect(textOf(await other.get('/a', { Lang: 'de' }))).to.equal('deutsch');
    body.send('content');
    body.sink?.end();
    expect(textOf(await same)).to.equal('content');
    expect(other.asked).to.have.lengthOf(1);
  });

  it('lets the others ask at once when the answer was for one alone, or none', async () => {
    for (const last of [answer(200, ['Cache-Control: private']), new UpstreamError(502, 'refused')]) {
      const later = new Later<UpstreamReply>();
      one.origin = () => later.promise;
      const first = one.get('/a').catch((error) => error);
      await turn();
      other.origin = () => answer(200, ['Cache-Control: private'], 'own');
      const second = other.get('/a');
      await turn();
      if (last instanceof Error) later.reject(last);
      else later.resolve(last);
      await first;
      expect(textOf(await second)).to.equal('own');
    }
  });

  it('lets another worker ask when a body does not come whole, or is too large to be kept', async () => {
    const ends: Record<string, (body: ScriptedBody) => void> = {
      cut: (body) => body.sink?.fail(new Error('cut')),
      large: (body) => body.send('x'.repeat(1001)),
    };
    for (const [name, end] of Object.entries(ends)) {
      for (const field of ['A: 1', 'Vary: A']) {
        const body = new ScriptedBody();
        const path = `/${name}${field.length}`;
        one.origin = () => ({ ...answer(200, [FRESH, field]), body, length: undefined });
        await one.get(path);
        other.origin = () => answer(200, ['Cache-Control: private'], 'own');
        const second = other.get(path);
        await turn();
        end(body);
        expect(textOf(await second), path).to.equal('own');
      }
    }
  });

  it('brings all up to date when one has asked whether it still holds', async () => {
    const etag = 'ETag: "a"';
    one.origin = () => answer(200, [FRESH, etag]);
    textOf(await one.get('/a'));
    await turn();
    other.request('GET', '/a');
    for (const each of [one, other]) each.wait(60);
    one.origin = () => answer(304, [FRESH, etag]);
    expect((await one.get('/a')).cache).to.equal('REVALIDATED');
    await turn();
    const reply = await other.get('/a');
    expect([reply.cache, textOf(reply), other.asked.length]).to.deep.equal(['HIT', 'content', 0]);
  });

  it('makes all forget', async () => {
    one.origin = () => answer(200, [FRESH]);
    textOf(await one.get('/a'));
    await turn();
    other.request('GET', '/a');
    await one.cache.purge(['http://o/a']);
    other.origin = () => answer(200, [FRESH], 'new');
    expect(textOf(await other.get('/a'))).to.equal('new');
  });

  it('makes all forget what a cache process that stands still does not take away', async () => {
    one.origin = () => answer(200, [FRESH]);
    textOf(await one.get('/a'));
    await turn();
    shared.remove = async () => false;
    expect(await other.cache.purge(['http://o/a'])).to.equal(true);
    for (const bench of [one, other]) {
      bench.origin = () => answer(200, ['Cache-Control: no-store'], 'new');
      expect(textOf(await bench.get('/a'))).to.equal('new');
    }
    expect(await other.cache.purge(['http://o/a']), 'again').to.equal(false);
  });

  it('goes on alone when there is no shared cache any more', async () => {
    shared.close();
    one.origin = () => answer(200, [FRESH]);
    textOf(await one.get('/a'));
    expect((one.request('GET', '/a') as Reply).cache).to.equal('HIT');
    other.origin = () => answer(200, [FRESH], 'own');
    expect(textOf(await other.get('/a'))).to.equal('own');
  });
});
