/** Whose connection goes where: to the owner of its job where that can be, and its parts in every case. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { ownerOf } from '../../src/jobs/routing.js';
import { tlsSettings } from '../helpers/certificates.js';
import { TestDirectory } from '../helpers/directory.js';
import { eventually } from '../helpers/eventually.js';
import { H2Client } from '../helpers/h2-client.js';
import { JobsClient, sha256 } from '../helpers/jobs-client.js';
import { note } from '../helpers/proc.js';
import { RawClient } from '../helpers/raw-client.js';
import { TestServer } from '../helpers/server.js';
import { pattern } from '../helpers/transport-protocol.js';

const PLACES = [1, 2, 3];
const JOBS = Array.from({ length: 9 }, (_, i) => `job-${i}`);
const SIZES = [0, 700, 16_385, 400_000];

describe('clients of jobs', () => {
  let server: TestServer;
  before(async () => {
    server = await TestServer.start({
      settings: (site) => ({ JOBS_DIR: join(site.outside, 'jobs'), NUM_WORKERS: '3', ...tlsSettings() }),
    });
  });
  after(() => server?.stop());

  it('are answered by the owners of their jobs, each request by another one', async () => {
    const requestsOf = (place: number): number =>
      server.stats().workers.find(({ id }) => id === place)!.requests;
    const client = await RawClient.open(server.port);
    expect(new Set(JOBS.map((job) => ownerOf(job, PLACES))).size).to.equal(3);
    for (const job of JOBS) {
      const owner = ownerOf(job, PLACES)!;
      await server.statsWhen(() => true, 'statistics');
      const before = PLACES.map(requestsOf);
      const body = pattern(5000);
      const head = `PUT /jobs/${job}/parts/plain HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n`;
      const { status } = await client.exchange(Buffer.concat([Buffer.from(head), body]), 'PUT');
      expect(status).to.equal(201);
      await server.statsWhen(
        ({ workers }) => workers.find(({ id }) => id === owner)!.requests === before[owner - 1]! + 1,
        'one request more',
      );
      for (const place of PLACES) {
        if (place !== owner) expect(requestsOf(place)).to.equal(before[place - 1]);
      }
    }
    client.destroy();
    expect((await server.settled()).connections.accepted).to.equal(1);
  });

  it('may ask for several at once on one connection', async () => {
    const client = await RawClient.open(server.port);
    const put = (job: string): string =>
      `PUT /jobs/${job}/parts/piped HTTP/1.1\r\nHost: a\r\nContent-Length: ${job.length}\r\n\r\n${job}`;
    client.send(JOBS.map(put).join(''));
    for (const job of JOBS) {
      const { status, text } = await client.response('PUT');
      expect([status, JSON.parse(text).sha256]).to.deep.equal([201, sha256(job)]);
    }
    client.destroy();
  });

  it('send parts over TLS and HTTP/2, too, which cannot be handed over', async () => {
    const client = await H2Client.open(server.securePort);
    await Promise.all(
      JOBS.flatMap((job) =>
        SIZES.map(async (size) => {
          const body = pattern(size);
          const path = `/jobs/${job}/parts/h2-${size}`;
          const reply = await client.request(path, { fields: { ':method': 'PUT' }, body });
          expect(reply.status, reply.body.toString()).to.equal(201);
          expect(JSON.parse(reply.body.toString())).to.include({ bytes: size, sha256: sha256(body) });
        }),
      ),
    );
    for (const job of JOBS) {
      const secure = await RawClient.openSecure(server.securePort);
      const head = `PUT /jobs/${job}/parts/tls HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n`;
      const { status } = await secure.exchange(Buffer.concat([Buffer.from(head), pattern(100_000)]), 'PUT');
      expect(status).to.equal(201);
      secure.destroy();
      const sealed = await client.request(`/jobs/${job}/seal`, { fields: { ':method': 'POST' }, body: '' });
      expect(sealed.status).to.equal(200);
      const whole = Buffer.concat([
        ...['h2-0', 'h2-16385', 'h2-400000', 'h2-700'].map((name) => pattern(Number(name.slice(3)))),
        Buffer.from(job),
        pattern(5000),
        pattern(100_000),
      ]);
      const result = await client.get(`/jobs/${job}/result?wait=30`);
      expect([result.status, sha256(result.body)]).to.deep.equal([200, sha256(whole)]);
    }
    client.close();
  });
});

describe('jobs on a small disk', () => {
  it('refuse what finds no room, keep nothing of it, and go on', async function () {
    const directory = new TestDirectory({ 'disk/': '' });
    const disk = directory.at('disk');
    mkdirSync(disk, { recursive: true });
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', disk], { encoding: 'utf8' });
    if (mounted.status !== 0) {
      note(`skipped, for a small disk cannot be mounted: ${mounted.error?.message ?? mounted.stderr.trim()}`);
      directory.remove();
      this.skip();
    }
    const server = await TestServer.start({ settings: { JOBS_DIR: join(disk, 'jobs') } });
    try {
      const jobs = new JobsClient(() => server.origin);
      const fits = pattern(1_000_000);
      expect((await jobs.put('a', 'fits', fits)).status).to.equal(201);
      for (let i = 0; i < 3; i++) {
        const { status, json } = await jobs.put('a', `large-${i}`, pattern(6_000_000));
        expect([status, json.error]).to.deep.equal([507, 'storage-full']);
      }
      await eventually(
        () => readdirSync(join(disk, 'jobs/.incoming')).length === 0 || undefined,
        () => 'nothing half-written',
      );
      // Until not even a small part finds room, which lies in the journal.
      const small = Buffer.alloc(16_000, 'x');
      let accepted = 0;
      for (let status = 201; status === 201; ) {
        const reply = await jobs.put('a', `small-${accepted}`, small);
        status = reply.status;
        if (status === 201) accepted++;
        else expect([status, reply.json.error]).to.deep.equal([507, 'storage-full']);
      }
      expect(accepted).to.be.above(50);
      expect(await jobs.status('a')).to.include({ state: 'open', parts: accepted + 1 });
      expect((await jobs.ask('DELETE', '/a')).status).to.equal(204);
      expect((await jobs.put('b', 'fits', fits)).status).to.equal(201);
      await jobs.seal('b');
      expect(sha256((await jobs.result('b')).bytes)).to.equal(sha256(fits));
    } finally {
      await server.stop();
      spawnSync('umount', [disk]);
      directory.remove();
    }
  });
});
