/** The cache as clients see it: what X-Cache says, and that nothing older than the settings allow is sent. */
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { expect } from 'chai';
import { settled } from '../helpers/eventually.js';
import type { RawClient } from '../helpers/raw-client.js';
import { TestServer } from '../helpers/server.js';

describe('cache', () => {
  describe('that asks the disk for every request', () => {
    let server: TestServer;
    before(async () => {
      server = await TestServer.start({ settings: { CACHE_REVALIDATE_MS: '0', NUM_WORKERS: '1' } });
    });
    after(() => server?.stop());

    const stateOf = async (target: string, fields = {}) =>
      (await server.get(target, fields)).field('x-cache');

    for (const [what, size] of [
      ['in memory', 5],
      ['on disk', 1_500_000],
    ] as const) {
      it(`says what became of a file ${what}: MISS, REVALIDATED, EXPIRED`, async () => {
        const name = `states-${size}.txt`;
        await settled(server.site.file(name, 'x'.repeat(size)));
        expect(await stateOf(`/${name}`)).to.equal('MISS');
        expect(await stateOf(`/${name}`)).to.equal('REVALIDATED');
        expect(await stateOf(`/${name}`, { 'If-None-Match': '*' })).to.equal('REVALIDATED');
        await settled(server.site.file(name, 'y'.repeat(size)));
        const changed = await server.get(`/${name}`);
        expect(changed.field('x-cache')).to.equal('EXPIRED');
        expect(changed.text).to.equal('y'.repeat(size));
        expect(await stateOf(`/${name}`)).to.equal('REVALIDATED');
      });
    }

    it('sees every change at once, even one that leaves size and mtime as they were', async () => {
      const { site } = server;
      for (let n = 0; n < 50; n++) {
        const content = String(n).padStart(4, '0');
        site.file('changing.txt', content);
        site.touch('changing.txt', 1_700_000_000);
        expect((await server.get('/changing.txt')).text).to.equal(content);
      }
    });

    it('does not answer from a look that others took before', async () => {
      const { site } = server;
      site.file('busy.txt', '0');
      const ask = (client: RawClient) => client.exchange('GET /busy.txt HTTP/1.1\r\nHost: x\r\n\r\n');
      let done = false;
      const others = Array.from({ length: 4 }, async () => {
        const client = await server.connect();
        while (!done) await ask(client);
        client.destroy();
      });
      const client = await server.connect();
      const seen: string[] = [];
      for (let n = 0; n < 300; n++) {
        renameSync(site.file('busy.new', String(n)), site.at('busy.txt'));
        seen.push((await ask(client)).text);
      }
      done = true;
      await Promise.all(others);
      client.destroy();
      expect(seen).to.deep.equal(seen.map((_, n) => String(n)));
    });

    it('sees a file replaced, removed and made', async () => {
      const { site } = server;
      site.file('file.txt', 'one');
      expect((await server.get('/file.txt')).text).to.equal('one');
      renameSync(site.file('other.txt', 'two'), site.at('file.txt'));
      expect((await server.get('/file.txt')).text).to.equal('two');
      rmSync(site.at('file.txt'));
      expect((await server.get('/file.txt')).status).to.equal(404);
      site.file('file.txt', 'three');
      expect((await server.get('/file.txt')).text).to.equal('three');
      rmSync(site.at('file.txt'));
      site.directory('file.txt');
      expect((await server.get('/file.txt')).status).to.equal(301);
    });

    it('sees a sidecar come, change and go', async () => {
      const { site } = server;
      const fields = { 'Accept-Encoding': 'br' };
      site.file('lib.js', 'small');
      expect((await server.get('/lib.js', fields)).field('content-encoding')).to.equal(undefined);
      site.file('lib.js.br', 'packed');
      expect(await server.get('/lib.js', fields)).to.include({ text: 'packed' });
      site.file('lib.js.br', 'repacked');
      expect(await server.get('/lib.js', fields)).to.include({ text: 'repacked' });
      rmSync(site.at('lib.js.br'));
      expect(await server.get('/lib.js', fields)).to.include({ text: 'small' });
    });

    it('is counted as X-Cache says', async () => {
      const { cache: before } = await server.settled();
      const seen: Record<string, number> = {};
      for (let n = 0; n < 5; n++) {
        await settled(server.site.file('counted.txt', String(n)));
        for (const target of ['/counted.txt', '/counted.txt?x', '/none']) {
          const state = (await stateOf(target))!.toLowerCase();
          seen[state] = (seen[state] ?? 0) + 1;
        }
      }
      const { cache } = await server.settled();
      for (const state of ['hit', 'miss', 'expired', 'revalidated'] as const) {
        expect(cache[state] - before[state], state).to.equal(seen[state] ?? 0);
      }
      expect(seen).to.include({ expired: 4, revalidated: 9 });
    });

    it('never sends a compressed form of what the file was before', async () => {
      const { site } = server;
      for (let n = 0; n < 10; n++) {
        site.file('page.html', `${n}`.repeat(5000));
        const response = await server.get('/page.html', { 'Accept-Encoding': 'gzip' });
        const plain = await server.get('/page.html');
        expect(plain.text).to.equal(`${n}`.repeat(5000));
        expect(response.field('etag')).to.equal(plain.field('etag')!.replace(/"$/, '-gzip"'));
      }
    });
  });

  describe('that believes itself for a while', () => {
    const REVALIDATE_MS = 300;
    let server: TestServer;
    before(async () => {
      server = await TestServer.start({
        settings: { CACHE_REVALIDATE_MS: String(REVALIDATE_MS), CACHE_SIZE_MB: '4', NUM_WORKERS: '1' },
      });
    });
    after(() => server?.stop());

    it('is never older than it may be', async () => {
      const { site } = server;
      const client = await server.connect();
      const path = site.file('counted.txt', '0');
      // Each content is the time of its writing: a response may be that old, and not older.
      let written = [0];
      const write = () => {
        written = [...written, performance.now()];
        writeFileSync(`${path}.new`, String(written.length - 1));
        renameSync(`${path}.new`, path);
      };
      const states = new Set<string>();
      let expired = 0;
      while (expired < 4) {
        write();
        const asked = performance.now();
        const response = await client.exchange('GET /counted.txt HTTP/1.1\r\nHost: x\r\n\r\n');
        const state = response.field('x-cache')!;
        states.add(state);
        if (state === 'EXPIRED') expired++;
        const seen = Number(response.text);
        // The state after the one we saw began within the time that may be believed, or is not there.
        const replacedAt = written[seen + 1] ?? Number.POSITIVE_INFINITY;
        expect(asked - replacedAt).to.be.below(REVALIDATE_MS + 25);
      }
      expect([...states]).to.include.members(['HIT', 'EXPIRED']);
      client.destroy();
    });

    it('remembers what is not there, but no longer', async () => {
      const { site } = server;
      expect((await server.get('/later.txt')).field('x-cache')).to.equal('MISS');
      site.file('later.txt', 'now');
      const made = performance.now();
      for (;;) {
        const asked = performance.now();
        if ((await server.get('/later.txt')).status === 200) break;
        expect(asked - made).to.be.below(REVALIDATE_MS + 25);
      }
    });

    it('keeps within its size, and goes on serving what it had to let go', async () => {
      const { site } = server;
      for (let n = 0; n < 30; n++) site.file(`many/${n}.bin`, Buffer.alloc(300_000, n));
      for (let round = 0; round < 2; round++) {
        for (let n = 0; n < 30; n++) {
          expect((await server.get(`/many/${n}.bin`)).body.equals(Buffer.alloc(300_000, n))).to.equal(true);
        }
      }
      const { cache } = await server.statsWhen(
        ({ cache }) => cache.evictions > 0 && cache.bytes > 0,
        'evictions',
      );
      expect(cache.bytes)
        .to.be.at.most(cache.maxBytes)
        .and.at.most(4 * 1024 * 1024);
    });
  });

  describe('that believes itself for an hour', () => {
    let server: TestServer;
    before(async () => {
      server = await TestServer.start({ settings: { CACHE_REVALIDATE_MS: '3600000', NUM_WORKERS: '1' } });
    });
    after(() => server?.stop());

    it('reads a file once for all who ask for it at the same time', async () => {
      server.site.file('wanted.txt', 'x'.repeat(500_000));
      const clients = await Promise.all(Array.from({ length: 20 }, () => server.connect()));
      const responses = await Promise.all(
        clients.map((client) => client.exchange('GET /wanted.txt HTTP/1.1\r\nHost: x\r\n\r\n')),
      );
      for (const { body } of responses) expect(body.length).to.equal(500_000);
      for (const client of clients) client.destroy();
      // How busy the pool was is told every half second.
      const { pool } = await server.statsWhen(({ pool }) => pool.tasks > 0, 'the pool was used');
      expect(pool.tasks).to.equal(1);
    });

    it('sends from memory without asking: HIT', async () => {
      await settled(server.site.file('hit.txt', 'hit'));
      expect((await server.get('/hit.txt')).field('x-cache')).to.equal('MISS');
      expect((await server.get('/hit.txt')).field('x-cache')).to.equal('HIT');
      expect((await server.get('/hit.txt', { 'If-None-Match': '*' })).field('x-cache')).to.equal('HIT');
      expect((await server.get('/hit.txt', { Range: 'bytes=0-0' })).field('x-cache')).to.equal('HIT');
    });

    it('opens what lies on disk as it is now, even so', async () => {
      const { site } = server;
      site.file('large.bin', Buffer.alloc(1_500_000, 'o'));
      expect((await server.get('/large.bin')).field('x-cache')).to.equal('MISS');
      renameSync(site.file('new.bin', Buffer.alloc(1_400_000, 'n')), site.at('large.bin'));
      const replaced = await server.get('/large.bin');
      expect(replaced.body.equals(Buffer.alloc(1_400_000, 'n'))).to.equal(true);
      site.file('large.bin', 'small now');
      expect((await server.get('/large.bin')).text).to.equal('small now');
      site.file('other.bin', Buffer.alloc(1_500_000, 'o'));
      expect((await server.get('/other.bin')).status).to.equal(200);
      rmSync(site.at('other.bin'));
      expect((await server.get('/other.bin')).status).to.equal(404);
    });

    it('sends the time of the response, and not of its making', async () => {
      const client = await server.connect();
      const dates = new Set<string>();
      while (dates.size < 3) {
        const asked = Math.floor(Date.now() / 1000) * 1000;
        const response = await client.exchange('GET /hit.txt HTTP/1.1\r\nHost: x\r\n\r\n');
        const date = response.field('date')!;
        expect(Date.parse(date)).to.be.within(asked, Date.now());
        dates.add(date);
      }
      client.destroy();
    });
  });
});
