/** Parts of jobs over plain TCP, and by the command: whichever worker takes the connection, and whatever breaks. */
import { expect } from 'chai';
import { sendFile } from '../../src/jobs/client/part-sender.js';
import { TestDirectory } from '../helpers/directory.js';
import { eventually } from '../helpers/eventually.js';
import { sha256Of } from '../helpers/fake-jobs-server.js';
import { Later } from '../helpers/later.js';
import { RawClient } from '../helpers/raw-client.js';
import { type ConfSettings, TestServer } from '../helpers/server.js';
import { pattern } from '../helpers/transport-protocol.js';

const MB = 1024 * 1024;

describe('parts of jobs', function () {
  this.timeout(60_000);
  let directory: TestDirectory;
  let server: TestServer;
  beforeEach(() => {
    directory = new TestDirectory();
  });
  afterEach(async () => {
    await server?.stop();
    directory.remove();
  });

  const start = async (settings: ConfSettings = {}, mayLoseWorkers = false): Promise<void> => {
    server = await TestServer.start({
      settings: { JOBS_DIR: directory.at('jobs'), JOBS_PORT: '0', NUM_WORKERS: '3', ...settings },
      mayLoseWorkers,
    });
  };
  const connect = (): Promise<RawClient> => RawClient.open(server.jobsPort);
  /** What is said to a part. */
  const send = async (line: string, content: string | Buffer = ''): Promise<string> => {
    const client = await connect();
    const { bytes, reset } = await client.send(`${line}\n`).send(content).finish().rest();
    expect(reset, 'a reset').to.equal(false);
    return bytes.toString();
  };
  const ok = (content: string | Buffer): string => `OK ${content.length} ${sha256Of(content)}\n`;
  const resultOf = async (job: string): Promise<string> => {
    expect((await server.request('POST', `/jobs/${job}/seal`, { 'Content-Length': '0' })).status).to.equal(
      200,
    );
    const { status, body } = await server.get(`/jobs/${job}/result?wait=30`);
    expect(status).to.equal(200);
    return sha256Of(body);
  };

  it('reach the owner of their job, wherever they are taken', async () => {
    await start();
    const sizes = [0, 1, 1000, 70_000, MB];
    const jobs = Array.from({ length: 12 }, (_, i) => `job ${i}`);
    const sent = jobs.flatMap((job, i) =>
      sizes.map(async (size) => {
        const content = pattern(size + i);
        expect(await send(`JOB ${encodeURIComponent(job)} ${size}`, content)).to.equal(ok(content));
      }),
    );
    await Promise.all(sent);
    const inOrder = sizes.map(String).sort();
    for (const [i, job] of jobs.entries()) {
      const expected = Buffer.concat(inOrder.map((size) => pattern(Number(size) + i)));
      expect(await resultOf(encodeURIComponent(job)), job).to.equal(sha256Of(expected));
    }
    const log = await server.logLines(jobs.length * (sizes.length + 2));
    expect(log.filter((line) => /"PUT \/jobs\/job%20\d+\/parts\/\d+ JOBS" 201 /.test(line))).to.have.lengthOf(
      jobs.length * sizes.length,
    );
  });

  it('are taken once', async () => {
    await start();
    expect(await send('JOB j p', 'abc')).to.equal(ok('abc'));
    expect(await send('JOB j p', 'abc')).to.equal(ok('abc'));
    expect(await send('JOB j p', 'abd')).to.match(/^ERR part-differs /);
    expect(await resultOf('j')).to.equal(sha256Of('abc'));
    expect(await send('JOB j q', 'abc')).to.match(/^ERR job-sealed /);
  });

  it('are refused from strangers, and where the line is none', async () => {
    await start({ JOBS_TOKEN: 'abc' });
    expect(await send('JOB j p', 'abc')).to.match(/^ERR unauthorized /);
    expect(await send('JOB j p token=ab', 'abc')).to.match(/^ERR unauthorized /);
    expect(await send('JOB j p token=abc', 'abc')).to.equal(ok('abc'));
    expect(await send('GET / HTTP/1.1\r\nHost: a\r\n\r')).to.match(/^ERR bad-request /);
    const { connections } = await server.settled();
    expect(connections.active).to.equal(0);
  });

  it('that break off leave none, and go on where they broke', async () => {
    await start();
    const content = pattern(3 * MB);
    const line = `JOB j p bytes=${content.length}`;
    const client = await connect();
    client.send(`${line}\n`).send(content.subarray(0, MB));
    await server.statsWhen(({ bytes }) => bytes.received > MB, 'a beginning');
    client.socket.resetAndDestroy();
    const kept = await eventually(
      async () => {
        const { status, head } = await server.request('HEAD', '/jobs/j/parts/p');
        expect(status).to.equal(404);
        const [, offset] = /^Upload-Offset: (\d+)\r$/im.exec(head) ?? [];
        return Number(offset) || undefined;
      },
      () => 'what is kept of the part',
    );
    expect(kept).to.be.within(1, MB);
    expect(await send(`${line} offset=${kept + 1}`, content.subarray(kept + 1))).to.equal(
      `ERR wrong-offset ${kept} bytes of the part are here: go on from there (offset=${kept})\n`,
    );
    expect(await send(`${line} offset=${kept}`, content.subarray(kept))).to.equal(ok(content));
  });

  it('go on while the server reloads', async () => {
    await start({ DRAIN_TIMEOUT_SECONDS: '30' });
    const content = pattern(MB);
    const silent = await connect();
    const client = await connect();
    client.send('JOB j p\n').send(content.subarray(0, 1000));
    await server.statsWhen(({ bytes }) => bytes.received > 1000, 'a beginning');
    const reloading = server.reload({ NUM_WORKERS: '2' });
    await server.statsWhen(({ reloads }) => reloads > 0, 'a reload');
    client.send(content.subarray(1000)).finish();
    expect(`${(await client.rest()).bytes}`).to.equal(ok(content));
    await reloading;
    silent.send('JOB j q\nabc').finish();
    expect(`${(await silent.rest()).bytes}`).to.equal(ok('abc'));
  });

  it('arrive whole by the command when every worker is killed in the middle', async () => {
    await start({}, true);
    const content = pattern(24 * MB);
    const path = directory.write('large', content);
    const before = server.workerPids();
    const retried = new Later<void>();
    let isKilled = false;
    const receipt = await sendFile(
      { path, bytes: content.length, sha256: sha256Of(content) },
      {
        server: { url: new URL(server.origin) },
        job: 'j',
        part: 'p',
        retries: 100,
        onProgress: (bytes) => {
          if (bytes < 8 * MB || isKilled) return;
          isKilled = true;
          for (const pid of before) process.kill(pid, 'SIGKILL');
        },
        onRetry: () => retried.resolve(),
      },
    );
    await retried.promise;
    expect(receipt).to.include({ bytes: content.length, sha256: sha256Of(content) });
    expect(await resultOf('j')).to.equal(sha256Of(content));
  });
});
