/** Jobs by the hundred, from clients by the thousand: every result is right, to the byte, and memory stays flat. */
import { join } from 'node:path';
import { expect } from 'chai';
import { descriptorLimit } from '../../src/master/descriptors.js';
import { JobsClient, sha256 } from '../helpers/jobs-client.js';
import { type CrowdPlan, JobsCrowdProcesses, resultsOf, tally } from '../helpers/jobs-crowd.js';
import { describeMemory, note, residentBytes } from '../helpers/proc.js';
import { Processes } from '../helpers/processes.js';
import { RawClient } from '../helpers/raw-client.js';
import { TestServer, TRANSPORT } from '../helpers/server.js';

const MB = 1024 * 1024;
/** Descriptors of a process that are not connections. */
const SPARE = 1000;
/** Of each of 200 jobs. Node hands one connection over at a time: what is shown by thousands is shown by as many. */
const CLIENTS = TRANSPORT === 'native' ? 50 : 10;

describe('jobs by the hundred', () => {
  let server: TestServer;
  const jobs = new JobsClient(() => server.origin);
  before(async () => {
    server = await TestServer.start({
      settings: (site) => ({ JOBS_DIR: join(site.outside, 'jobs'), JOBS_PORT: '0', TIMEOUT_SECONDS: '600' }),
    });
  });
  after(() => server?.stop());

  /** Sends all of a plan from processes of their own. */
  async function run(plan: CrowdPlan): Promise<Record<string, number>> {
    const processes = new Processes();
    try {
      const crowd = await JobsCrowdProcesses.start(processes, plan, 2);
      await crowd.connect();
      return tally(await crowd.send());
    } finally {
      await processes.end();
    }
  }

  /** Seals all jobs of a plan, and looks at their results. */
  async function expectResults(plan: CrowdPlan): Promise<void> {
    const waiting = [...resultsOf(plan)];
    const look = async (): Promise<void> => {
      for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
        const [job, { bytes, sha256, parts }] = next;
        expect((await jobs.seal(job)).status).to.equal(200);
        const { status } = await jobs.result(job, { Range: 'bytes=0-0' });
        expect(status).to.be.oneOf([200, 206]);
        expect(await jobs.status(job)).to.deep.include({ state: 'done', parts, result: { bytes, sha256 } });
      }
    };
    await Promise.all(Array.from({ length: 16 }, look));
  }

  it(`takes 200 jobs from ${CLIENTS} clients each at once`, async () => {
    const clients = Math.min(CLIENTS, Math.floor((descriptorLimit() - SPARE) / 200));
    if (clients < CLIENTS) note(`the limit of descriptors allows for ${clients} clients of each job only`);
    const plan: CrowdPlan = {
      ports: [server.port],
      protocol: 'http',
      jobs: 200,
      clients,
      sizes: [1, 3000],
      name: 'many',
    };
    const before = (await server.statsWhen(() => true, 'statistics')).jobs!;
    expect(await run(plan)).to.deep.equal({ 'accepted 201': 2 * 200 * clients });
    const after = (await server.settled()).jobs!;
    expect(after.parts - before.parts).to.equal(2 * 200 * clients);
    await expectResults(plan);
  });

  for (const protocol of ['http', 'tcp'] as const) {
    it(`takes parts from 1 byte to 64 MB, and clients that break off, over ${protocol}`, async () => {
      const plan: CrowdPlan = {
        ports: [protocol === 'http' ? server.port : server.jobsPort],
        protocol,
        jobs: 2,
        clients: 4,
        sizes: protocol === 'http' ? [1, 16_385, 64 * MB, 300_000] : [1, 16_385, 5 * MB, 300_000],
        name: `large-${protocol}`,
        brokenEvery: 3,
        chunkedEvery: 2,
      };
      const ended = await run(plan);
      expect(ended[protocol === 'http' ? 'accepted 201' : 'accepted OK']).to.equal(32);
      await expectResults(plan);
      note(describeMemory(server.workerPids()));
      for (const pid of server.workerPids()) expect(residentBytes(pid)).to.be.below(400 * MB);
    });
  }

  it('is not held up by clients that are slow to send, or to read', async () => {
    const slow = await Promise.all(Array.from({ length: 20 }, () => RawClient.open(server.port)));
    for (const [i, client] of slow.entries()) {
      client.send(`PUT /jobs/busy/parts/slow-${i} HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n`);
      client.send('half of it');
    }
    await jobs.put('read slowly', 'a', Buffer.alloc(20 * MB, 'x'));
    await jobs.seal('read slowly');
    await jobs.result('read slowly', { Range: 'bytes=0-0' });
    const reader = await RawClient.open(server.port);
    reader.socket.pause();
    reader.send('GET /jobs/read%20slowly/result HTTP/1.1\r\nHost: a\r\n\r\n');
    const body = Buffer.alloc(50_000, 'quick');
    const replies = await Promise.all(
      Array.from({ length: 50 }, (_, i) => jobs.put('busy', `quick-${i}`, body)),
    );
    for (const { status, json } of replies) expect([status, json.sha256]).to.deep.equal([201, sha256(body)]);
    for (const client of [...slow, reader]) client.destroy();
  });
});
