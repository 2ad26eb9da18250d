/** Jobs when processes are killed: what was acknowledged is there, and every result is right, to the byte. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { ownerOf } from '../../src/jobs/routing.js';
import type { StatsDocument } from '../../src/stats/schema.js';
import { eventually } from '../helpers/eventually.js';
import { JobsClient, sha256 } from '../helpers/jobs-client.js';
import { TestServer } from '../helpers/server.js';
import { pattern } from '../helpers/transport-protocol.js';

const SIZES = [0, 1, 900, 16_384, 16_385, 60_000, 400_000];

interface Part {
  readonly job: string;
  readonly name: string;
  readonly body: Buffer;
}

function partsFor(jobs: readonly string[], count: number): Part[] {
  return jobs.flatMap((job, j) =>
    Array.from({ length: count }, (_, i) => {
      const number = j * count + i;
      const body = Buffer.concat([Buffer.from(`${number} `), pattern(SIZES[number % SIZES.length]!)]);
      return { job, name: `part-${String(i).padStart(4, '0')}`, body };
    }),
  );
}

describe('jobs when processes are killed', () => {
  let server: TestServer;
  let jobs: JobsClient;
  let directory: string;
  beforeEach(async () => {
    server = await TestServer.start({
      settings: (site) => ({ JOBS_DIR: join(site.outside, 'jobs'), NUM_WORKERS: '3' }),
      mayLoseWorkers: true,
    });
    directory = join(server.site.outside, 'jobs');
    jobs = new JobsClient(() => server.origin);
  });
  afterEach(() => server?.stop());

  /** Sends until it is acknowledged, as `handover send` does. */
  async function send({ job, name, body }: Part): Promise<void> {
    await eventually(
      async () => {
        try {
          const { status, json } = await jobs.put(job, name, body);
          if (status !== 200 && status !== 201) return undefined;
          expect(json.sha256).to.equal(sha256(body));
          return true;
        } catch (error) {
          // The connection ended with its worker.
          if (error instanceof TypeError) return undefined;
          throw error;
        }
      },
      () => `${job}/${name} is acknowledged`,
      60_000,
    );
  }

  /** By several clients at once; `onAcknowledged` is told how many are. */
  async function sendAll(parts: readonly Part[], onAcknowledged: (count: number) => void = () => undefined) {
    const waiting = [...parts];
    let count = 0;
    const client = async (): Promise<void> => {
      for (let part = waiting.shift(); part !== undefined; part = waiting.shift()) {
        await send(part);
        onAcknowledged(++count);
      }
    };
    await Promise.all(Array.from({ length: 12 }, client));
  }

  async function expectWhole(parts: readonly Part[]): Promise<void> {
    for (const job of new Set(parts.map((part) => part.job))) {
      await eventually(
        async () => {
          const reply = await jobs.seal(job).catch(() => undefined);
          return reply?.status === 200 ? true : undefined;
        },
        () => `${job} is sealed`,
      );
      const whole = Buffer.concat(parts.filter((part) => part.job === job).map(({ body }) => body));
      const { status, bytes } = await jobs.result(job);
      expect(status).to.equal(200);
      expect(bytes.length).to.equal(whole.length);
      expect(sha256(bytes)).to.equal(sha256(whole));
    }
  }

  /** Kills the worker at a place; resolves when there is another. */
  async function killAt(place: number): Promise<void> {
    const all = (workers: StatsDocument['workers']): boolean =>
      workers.length === 3 && workers.every(({ state }) => state === 'ready');
    const { workers } = await server.statsWhen((stats) => all(stats.workers), 'all workers');
    const { pid } = workers.find(({ id }) => id === place)!;
    process.kill(pid, 'SIGKILL');
    await server.statsWhen(
      (stats) => all(stats.workers) && stats.workers.every((worker) => worker.pid !== pid),
      'another worker',
    );
  }

  it('goes on when the owner of a job is killed, again and again', async () => {
    const parts = partsFor(['owned'], 120);
    const owner = ownerOf('owned', [1, 2, 3])!;
    let kills = 0;
    let isSending = true;
    const killing = (async () => {
      for (; isSending; kills++) await killAt(owner);
    })();
    await sendAll(parts);
    isSending = false;
    await killing;
    expect(kills).to.be.above(0);
    await expectWhole(parts);
  });

  it('goes on when all workers are killed', async () => {
    const parts = partsFor(['a', 'b', 'c', 'd', 'e'], 40);
    let hasKilled = false;
    await sendAll(parts, (count) => {
      if (count !== 100) return;
      hasKilled = true;
      for (const pid of server.workerPids()) process.kill(pid, 'SIGKILL');
    });
    expect(hasKilled).to.equal(true);
    await expectWhole(parts);
  });

  it('has everything that was acknowledged when the master was killed and the server is started again', async () => {
    const parts = partsFor(['a', 'b', 'c', 'd'], 30);
    const acknowledged: Part[] = [];
    await Promise.allSettled(
      parts.map(async (part, i) => {
        const { status } = await jobs.put(part.job, part.name, part.body);
        if (status === 201) acknowledged.push(part);
        if (i === 60) server.signal('SIGKILL');
      }),
    );
    await server.restart();
    expect(acknowledged.length).to.be.above(0);
    for (const { job, name, body } of acknowledged) {
      const { status, fields } = await jobs.ask('HEAD', `/${job}/parts/${name}`);
      expect([status, fields.get('upload-offset')]).to.deep.equal([200, `${body.length}`]);
    }
    await sendAll(parts);
    await expectWhole(parts);
  });

  it('puts a result together that a killed worker had begun', async () => {
    const parts = partsFor(['large'], 30);
    await sendAll(parts);
    const sealing = jobs.seal('large').catch(() => undefined);
    await killAt(ownerOf('large', [1, 2, 3])!);
    await sealing;
    await expectWhole(parts);
  });

  it('moves jobs when workers come and go, and on a reload', async () => {
    const names = Array.from({ length: 12 }, (_, i) => `job-${i}`);
    const parts = partsFor(names, 15);
    const changes = [
      () => server.signal('SIGTTIN'),
      () => server.signal('SIGTTIN'),
      () => server.signal('SIGTTOU'),
      () => server.signal('SIGHUP'),
      () => server.signal('SIGTTOU'),
    ];
    const { reloads } = server.stats();
    await sendAll(parts, (count) => {
      if (count % 30 === 0) changes.shift()?.();
    });
    expect(changes).to.deep.equal([]);
    await server.statsWhen((stats) => stats.reloads > reloads, 'reloaded');
    await expectWhole(parts);
    for (const name of names) expect(statSync(join(directory, name, 'result')).size).to.be.above(0);
  });
});
