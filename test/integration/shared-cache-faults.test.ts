/** What becomes of the shared cache when one of its processes dies, stands still, or sends nonsense. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { connect } from 'node:net';
import { expect } from 'chai';
import { CacheServer } from '../../src/shared-cache/cache-server.js';
import type { CacheClient } from '../../src/shared-cache/client.js';
import { encodeFrame, OP, PROTOCOL_VERSION } from '../../src/shared-cache/frames.js';
import type { Fill, StoredStream } from '../../src/shared-cache/shared-cache.js';
import { eventually, within } from '../helpers/eventually.js';
import { Processes } from '../helpers/processes.js';
import { bytesOf, CacheBed, collect, MB, randomBytes } from '../helpers/shared-cache.js';

const LARGE = randomBytes(16 * MB);
const SMALL = randomBytes(10_000);
const TRANSFERS = 16;
/** Removals of 8000 bytes each that are more than a command channel holds. */
const FLOOD = 3000;

for (const mapping of ['mmap', 'pread'] as const) {
  describe(`the shared cache in trouble, by ${mapping}`, () => {
    let bed: CacheBed;
    let processes: Processes;
    let client: CacheClient;

    beforeEach(() => {
      bed = new CacheBed(mapping);
      processes = new Processes();
      client = bed.client({ maxSegments: TRANSFERS });
    });
    afterEach(async () => {
      bed.end();
      await processes.end();
    });

    function start(): Promise<ChildProcess> {
      const { socketPath } = bed;
      const options = { socketPath, maxBytes: 96 * MB, mapping, memoryRoot: bed.directory.at('shm') };
      return processes.start('./cache-process.js', [JSON.stringify(options)]);
    }

    async function put(key: string, body: Uint8Array): Promise<boolean> {
      const fill = (await client.claim(bytesOf(key), { seen: 0, waitMs: 1000 })) as Fill;
      if (!fill.write(body)) await fill.drained();
      return fill.commit(bytesOf(`head of ${key}`));
    }

    /** Begins transfers that have each given a piece and are held there; `goOn` lets so many come to their ends. */
    async function beginTransfers(): Promise<{ goOn: (count?: number) => void; ends: Promise<string>[] }> {
      const opened = (await Promise.all(
        Array.from({ length: TRANSFERS }, () => client.open(bytesOf('large'))),
      )) as StoredStream[];
      const ends = opened.map(({ body }) => endOf(body));
      const held = opened.map(({ body }) => body);
      for (const body of held) body.pause();
      const goOn = (count = TRANSFERS): void => {
        for (const body of held.splice(0, count)) body.resume();
      };
      return { goOn, ends };
    }

    /** `whole`, `broken` when it broke off, `wrong` when anything it gave was not what was put in. */
    function endOf(body: StoredStream['body']): Promise<string> {
      let at = 0;
      return new Promise((resolve) => {
        body.start({
          data: (bytes) => {
            if (!LARGE.subarray(at, at + bytes.length).equals(bytes)) resolve('wrong');
            at += bytes.length;
          },
          end: () => resolve(at === LARGE.length ? 'whole' : 'wrong'),
          fail: () => resolve('broken'),
        });
      });
    }

    function directories(): string[] {
      return readdirSync(bed.directory.at('shm'));
    }

    it('may be used before there is a cache process, and is there when there is', async () => {
      expect(client.stats().state).to.equal('down');
      expect(client.lookup(bytesOf('k'))).to.equal(undefined);
      expect(await client.open(bytesOf('k'))).to.equal(undefined);
      expect(await client.claim(bytesOf('k'), { seen: 0, waitMs: 60_000 })).to.equal('none');
      expect(await client.remove(bytesOf('k'))).to.equal(false);
      await start();
      await within(client.up(), () => 'the connection');
      expect(await put('k', SMALL)).to.equal(true);
      expect(client.lookup(bytesOf('k'))?.body?.equals(SMALL)).to.equal(true);
    });

    it('survives the death of the cache process with transfers in flight', async () => {
      const cache = await start();
      const removed: string[] = [];
      client.onRemoved((key, isPrefix) => removed.push(`${key.toString()}${isPrefix ? '*' : ''}`));
      await client.up();
      await put('large', LARGE);
      const claim = (await client.claim(bytesOf('k'), { seen: 0, waitMs: 0 })) as Fill;
      const waiting = client.claim(bytesOf('k'), { seen: 0, waitMs: 60_000 });
      const { goOn, ends } = await beginTransfers();
      cache.kill('SIGKILL');
      goOn();
      const outcomes = await within(Promise.all(ends), () => 'the ends of the transfers');
      expect(outcomes).not.to.include('wrong');
      expect(outcomes).to.include('broken');
      expect(await within(waiting, () => 'the claim')).to.equal('none');
      for (let i = 0; i < 8; i++) if (!claim.write(LARGE)) await within(claim.drained(), () => 'the fill');
      expect(await claim.commit(bytesOf('h'))).to.equal(false);
      await eventually(
        () => client.state === 'down' || undefined,
        () => client.state,
      );
      expect(client.lookup(bytesOf('large'))).to.equal(undefined);

      await start();
      await within(client.up(), () => 'the connection');
      expect(directories(), 'what the dead one left').to.have.length(1);
      expect(removed, 'who keeps copies cannot know what was removed meanwhile').to.deep.equal(['*']);
      expect(await put('large', LARGE)).to.equal(true);
      const streamed = await client.open(bytesOf('large'));
      expect((await collect(streamed!.body)).equals(LARGE)).to.equal(true);
    });

    it('goes on without a cache process that stands still, and with it when it moves again', async () => {
      const cache = await start();
      await client.up();
      await put('large', LARGE);
      await put('small', SMALL);
      const { goOn, ends } = await beginTransfers();
      cache.kill('SIGSTOP');
      const waiting = client.claim(bytesOf('k'), { seen: 0, waitMs: 60_000 });
      goOn();
      expect(await within(waiting, () => 'the claim')).to.equal('none');
      expect(client.state).to.equal('stalled');
      expect(await within(Promise.all(ends), () => 'the ends of the transfers')).not.to.include('wrong');
      // What lies in shared memory is read without asking.
      expect(client.lookup(bytesOf('small'))?.body?.equals(SMALL)).to.equal(true);
      expect(await client.open(bytesOf('large'))).to.equal(undefined);

      cache.kill('SIGCONT');
      await eventually(
        () => (client.state === 'up' && client.segments.quarantined === 0) || undefined,
        () => `${client.state}, ${JSON.stringify(client.segments)}`,
      );
      expect(await put('k', SMALL)).to.equal(true);
      const streamed = await client.open(bytesOf('large'));
      expect((await collect(streamed!.body)).equals(LARGE)).to.equal(true);
    });

    it('gives nobody what was removed while it stood still, though the removals were lost', async () => {
      const cache = await start();
      const other = bed.client();
      await Promise.all([client.up(), other.up()]);
      for (const key of ['kept', 'removed']) await put(key, SMALL);
      cache.kill('SIGSTOP');
      // More than waits for a cache process before it is given up; each of them is in the frames once.
      const flood = Array.from({ length: FLOOD }, (_, i) => client.remove(Buffer.alloc(8000, `${i} `)));
      expect(await client.remove(bytesOf('removed'))).to.equal(false);
      await within(Promise.all(flood), () => 'the flood');
      await eventually(
        () => client.state === 'down' || undefined,
        () => client.state,
      );
      expect(await client.remove(bytesOf('while it is down'))).to.equal(false);
      cache.kill('SIGCONT');
      await within(client.up(), () => 'the connection');
      for (const each of [client, other]) expect(each.lookup(bytesOf('removed'))).to.equal(undefined);
      expect(await put('removed', SMALL), 'what comes later is kept').to.equal(true);
      expect(other.lookup(bytesOf('removed'))?.body?.equals(SMALL)).to.equal(true);
    });

    it('removes what was to be removed before there was a connection, and nothing else', async () => {
      await start();
      await client.up();
      for (const key of ['kept', 'removed']) await put(key, SMALL);
      const other = bed.client();
      expect(await other.remove(bytesOf('removed'))).to.equal(false);
      await within(other.up(), () => 'the connection');
      expect(other.lookup(bytesOf('removed'))).to.equal(undefined);
      expect(other.lookup(bytesOf('kept'))?.body?.equals(SMALL)).to.equal(true);
    });

    for (const signal of ['SIGKILL', 'SIGSTOP'] as const) {
      it(`serves others when a worker gets a ${signal} with transfers in flight`, async () => {
        await start();
        await client.up();
        await put('large', LARGE);
        const options = { socketPath: bed.socketPath, maxSegments: 8, chunkBytes: 256 * 1024, mapping };
        const worker = await processes.start('./cache-client-process.js', [
          JSON.stringify(options),
          'k',
          'large',
          '8',
        ]);
        const claim = client.claim(bytesOf('k'), { seen: 0, waitMs: 60_000 });
        worker.kill(signal);
        const streamed = await client.open(bytesOf('large'));
        expect((await collect(streamed!.body)).equals(LARGE)).to.equal(true);
        if (signal === 'SIGSTOP') worker.kill('SIGKILL');
        // What the dead one had claimed is the next one's to fill.
        const fill = (await within(claim, () => 'the claim')) as Fill;
        fill.write(SMALL);
        expect(await fill.commit(bytesOf('h'))).to.equal(true);
        const [directory] = directories();
        expect(readdirSync(bed.directory.at(`shm/${directory}`))).to.have.members(['arena', 'body-0']);
      });
    }

    it('breaks off with whoever does not keep to the protocol, and with nobody else', async () => {
      await bed.serve();
      await client.up();
      await put('small', SMALL);
      const hello = encodeFrame(OP.hello, PROTOCOL_VERSION, 256 * 1024);
      const nonsense: Readonly<Record<string, Buffer>> = {
        'no frames': randomBytes(5000).fill(0xee, 0, 1),
        'no HELLO first': encodeFrame(OP.get, 0, 1, Buffer.alloc(20)),
        'another version': encodeFrame(OP.hello, 99, 256 * 1024),
        'segments that are too large': encodeFrame(OP.hello, PROTOCOL_VERSION, 0xffff_ffff),
        'HELLO twice': Buffer.concat([hello, hello]),
        'no such segment': Buffer.concat([hello, encodeFrame(OP.get, 65_535, 1, Buffer.alloc(20))]),
        'a segment elsewhere': Buffer.concat([
          hello,
          encodeFrame(OP.attach, 0, 0, bytesOf('../../etc/passwd')),
        ]),
        'a segment that is not there': Buffer.concat([
          hello,
          encodeFrame(OP.attach, 0, 0, bytesOf('segment-1')),
        ]),
        'an object as a segment': Buffer.concat([hello, encodeFrame(OP.attach, 0, 0, bytesOf('arena'))]),
        'ACK for nothing': Buffer.concat([hello, encodeFrame(OP.ack, 0, 1)]),
        'a claim without a version': Buffer.concat([hello, encodeFrame(OP.claim, 1, 0, bytesOf('k'))]),
        'what only a cache process sends': Buffer.concat([hello, encodeFrame(OP.ready, 0, 1)]),
      };
      for (const [what, bytes] of Object.entries(nonsense)) {
        const socket = connect({ path: bed.socketPath });
        socket.write(bytes);
        socket.resume();
        await within(once(socket, 'close'), () => `the end of a connection with ${what}`);
      }
      expect(client.state).to.equal('up');
      expect(await put('k', SMALL)).to.equal(true);
    });

    it('waits for a segment, and does without the cache when none becomes free', async () => {
      await bed.serve({ maxBytes: 96 * MB });
      await client.up();
      await put('large', LARGE);
      const { goOn, ends } = await beginTransfers();
      expect(await within(client.open(bytesOf('large')), () => 'an answer')).to.equal(undefined);
      const patient = client.open(bytesOf('large'));
      // Together they may take longer than anybody waits for a segment.
      goOn(1);
      expect((await collect((await patient)!.body)).equals(LARGE)).to.equal(true);
      goOn();
      expect(await Promise.all(ends)).to.deep.equal(ends.map(() => 'whole'));
    });

    it('keeps what a transfer sends while its object is replaced and evicted', async () => {
      await bed.serve({ maxBytes: 48 * MB });
      await client.up();
      await put('large', LARGE);
      const { goOn, ends } = await beginTransfers();
      for (const key of ['a', 'b', 'c']) {
        const other = bed.client();
        await other.up();
        const fill = (await other.claim(bytesOf(key), { seen: 0, waitMs: 0 })) as Fill;
        fill.write(randomBytes(12 * MB));
        expect(await fill.commit(bytesOf('h'))).to.equal(true);
      }
      expect(client.lookup(bytesOf('large'))).to.equal(undefined);
      goOn();
      expect(await Promise.all(ends)).to.deep.equal(ends.map(() => 'whole'));
    });

    it('takes over the socket of a dead cache process, and leaves that of a living one alone', async () => {
      const cache = await start();
      const second = await CacheServer.start({
        socketPath: bed.socketPath,
        maxBytes: MB,
        root: undefined,
        report: () => undefined,
      }).then(
        () => undefined,
        (error: unknown) => String(error),
      );
      expect(second).to.contain('another cache process answers there');
      const died = once(cache, 'exit');
      cache.kill('SIGKILL');
      await died;
      expect(directories()).to.have.length(1);
      await bed.serve();
      await within(client.up(), () => 'the connection');
      expect(directories()).to.have.length(1);
      bed.server?.close();
      expect(directories()).to.deep.equal([]);
      bed.server = undefined;
    });
  });
}
