/** Jobs over HTTP, as docs/jobs.md says, against the real server. */
import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { reprDigest } from '../../src/jobs/repr-digest.js';
import { TestDirectory } from '../helpers/directory.js';
import { eventually } from '../helpers/eventually.js';
import { JobsClient, sha256 } from '../helpers/jobs-client.js';
import { RawClient } from '../helpers/raw-client.js';
import { TestServer } from '../helpers/server.js';
import { pattern } from '../helpers/transport-protocol.js';

const run = promisify(execFile);
const MB = 1024 * 1024;

describe('jobs over HTTP', () => {
  let server: TestServer;
  const jobs = new JobsClient(() => server.origin);
  const boot = async (settings: Record<string, string> = {}): Promise<void> => {
    server = await TestServer.start({
      settings: (site) => ({ JOBS_DIR: `${site.outside}/jobs`, ...settings }),
    });
  };

  describe('a job', () => {
    before(() => boot({ NUM_WORKERS: '3' }));
    after(() => server?.stop());

    it('is put together from parts of all sizes, in the order of their names', async () => {
      const sizes = [0, 1, 16_384, 16_385, 100_000, 3 * MB];
      const parts = sizes.map((size, i) => ({ name: `part ${9 - i}`, body: pattern(size) }));
      const replies = await Promise.all(parts.map(({ name, body }) => jobs.put('all sizes', name, body)));
      for (const [i, { status, json, fields }] of replies.entries()) {
        const { name, body } = parts[i]!;
        expect(status).to.equal(201);
        expect(json).to.deep.equal({ part: name, bytes: body.length, sha256: sha256(body), isNew: true });
        expect(fields.get('repr-digest')).to.equal(reprDigest(sha256(body)));
      }
      const whole = Buffer.concat(parts.map(({ body }) => body).reverse());
      expect((await jobs.seal('all sizes')).json.state).to.be.oneOf(['sealed', 'done']);
      const { status, bytes, fields } = await jobs.result('all sizes');
      expect(status).to.equal(200);
      expect(sha256(bytes)).to.equal(sha256(whole));
      expect(fields.get('etag')).to.equal(`"${sha256(whole)}"`);
      const ranged = await jobs.result('all sizes', { Range: 'bytes=100-299' });
      expect(ranged.status).to.equal(206);
      expect(ranged.bytes.equals(whole.subarray(100, 300))).to.equal(true);
      const known = await jobs.result('all sizes', { 'If-None-Match': `"${sha256(whole)}"` });
      expect(known.status).to.equal(304);
      expect(await jobs.status('all sizes')).to.deep.include({
        state: 'done',
        parts: sizes.length,
        bytes: whole.length,
        reducedBytes: whole.length,
        receiving: 0,
        result: { bytes: whole.length, sha256: sha256(whole) },
      });
    });

    it('takes what curl sends, with a length and in chunks', async () => {
      const file = server.directory.write('out.log', pattern(300_000));
      const url = `${server.origin}/jobs/curl/parts/`;
      const sent = await run('curl', ['-sS', '-T', file, `${url}a`]);
      expect(JSON.parse(sent.stdout)).to.include({ bytes: 300_000, isNew: true });
      const chunked = await run('curl', ['-sS', '-T', file, '-H', 'Transfer-Encoding: chunked', `${url}b`]);
      expect(JSON.parse(chunked.stdout)).to.include({ bytes: 300_000, sha256: sha256(pattern(300_000)) });
    });

    it('is sealed by its last part, and gives its result to those who wait', async () => {
      expect((await jobs.create('counted', { parts: 2, reducer: 'lines' })).status).to.equal(201);
      expect((await jobs.create('counted', { parts: 2, reducer: 'lines' })).status).to.equal(200);
      const other = await jobs.create('counted', { parts: 3 });
      expect([other.status, other.json.error]).to.deep.equal([409, 'job-exists']);
      const waiting = jobs.result('counted');
      await jobs.put('counted', 'a', 'first');
      expect((await jobs.ask('GET', '/counted/result')).json.error).to.equal('job-not-done');
      await jobs.put('counted', 'b', 'second\n');
      expect((await waiting).bytes.toString()).to.equal('first\nsecond\n');
      const late = await jobs.put('counted', 'c', 'third');
      expect([late.status, late.json.error]).to.deep.equal([409, 'job-sealed']);
    });

    it('is sealed at its deadline', async () => {
      await jobs.create('timed', { deadlineSeconds: 1, reducer: 'count' });
      await jobs.put('timed', 'a', 'x\ny\n');
      expect((await jobs.result('timed')).json).to.deep.equal({ parts: 1, bytes: 4, lines: 2 });
    });

    it('has one content for each part, whoever sends it again', async () => {
      await jobs.put('twice', 'a', 'one');
      const same = await jobs.put('twice', 'a', 'one');
      expect([same.status, same.json.isNew]).to.deep.equal([200, false]);
      const other = await jobs.put('twice', 'a', 'two');
      expect([other.status, other.json.error]).to.deep.equal([409, 'part-differs']);
      const large = pattern(100_000);
      const races = await Promise.all(
        Array.from({ length: 8 }, (_, i) => jobs.put('twice', 'b', i % 2 === 0 ? large : large.subarray(1))),
      );
      const kept = races.filter(({ status }) => status === 201).map(({ json }) => json.sha256 as string);
      expect(kept).to.have.length(1);
      for (const { status, json } of races) {
        if (status !== 409) expect(json.sha256).to.equal(kept[0]);
      }
    });

    it('checks the digest that is announced', async () => {
      const wrong = await jobs.put('digests', 'a', 'content', {
        'Repr-Digest': reprDigest(sha256('another')),
      });
      expect([wrong.status, wrong.json.error]).to.deep.equal([400, 'wrong-digest']);
      const right = await jobs.put('digests', 'a', 'content', {
        'Repr-Digest': reprDigest(sha256('content')),
      });
      expect(right.status).to.equal(201);
    });

    it('goes on where a connection broke, and has nothing of it otherwise', async () => {
      const whole = pattern(500_000);
      const client = await RawClient.open(server.port);
      client.send('PUT /jobs/broken/parts/a HTTP/1.1\r\nHost: a\r\nContent-Length: 500000\r\n\r\n');
      client.send(whole.subarray(0, 200_000));
      await eventually(
        async () => (await jobs.status('broken')).receivingBytes === 200_000 || undefined,
        () => 'bytes',
      );
      client.destroy();
      const head = (): Promise<string | null> =>
        jobs.ask('HEAD', '/broken/parts/a').then(({ status, fields }) => {
          expect(status).to.equal(404);
          return fields.get('upload-offset');
        });
      await eventually(
        async () => ((await head()) === '200000' ? true : undefined),
        () => 'kept',
      );
      expect((await jobs.status('broken')).parts).to.equal(0);
      const wrong = await jobs.put('broken', 'a', whole.subarray(1000), {
        'Content-Range': 'bytes 1000-499999/500000',
      });
      expect([wrong.status, wrong.json.error, wrong.fields.get('upload-offset')]).to.deep.equal([
        409,
        'wrong-offset',
        '200000',
      ]);
      const file = server.directory.write('whole.bin', whole);
      const { stdout } = await run('curl', [
        '-sS',
        '-C',
        '200000',
        '-T',
        file,
        `${server.origin}/jobs/broken/parts/a`,
      ]);
      expect(JSON.parse(stdout)).to.include({ bytes: 500_000, sha256: sha256(whole), isNew: true });
      const there = await jobs.ask('HEAD', '/broken/parts/a');
      expect([there.status, there.fields.get('upload-offset')]).to.deep.equal([200, '500000']);
    });

    it('fails when its reducer does, and says why', async () => {
      await jobs.create('sums', { reducer: 'sum' });
      await jobs.put('sums', 'a', '1\n2\n');
      await jobs.put('sums', 'b', '3\nfour\n');
      await jobs.seal('sums');
      const { status, json } = await jobs.result('sums');
      expect([status, json.error]).to.deep.equal([409, 'job-failed']);
      expect(json.message).to.match(/part "b".*line 2/);
    });

    it('is in the statistics', async () => {
      const before = (await server.statsWhen(() => true, 'statistics')).jobs!;
      await jobs.put('counted twice', 'a', 'twelve bytes');
      await jobs.put('counted twice', 'a', 'twelve bytes');
      const { jobs: after } = await server.statsWhen(
        ({ jobs }) => jobs!.parts > before.parts,
        'another part',
      );
      expect([after!.parts - before.parts, after!.bytes - before.bytes]).to.deep.equal([1, 12]);
    });

    it('is listed, told of while it changes, and removed', async () => {
      await jobs.put('listed', 'a', 'x');
      await eventually(
        async () => {
          const list = (await jobs.ask('GET', '')).json.jobs as { job: string }[];
          return list.some(({ job }) => job === 'listed') || undefined;
        },
        () => 'in the list',
      );
      const response = await fetch(`${server.origin}/jobs/listed/events`);
      expect(response.headers.get('content-type')).to.equal('text/event-stream');
      const text = response.text();
      await jobs.put('listed', 'b', 'y');
      await jobs.seal('listed');
      const events = [...(await text).matchAll(/^event: (.*)\ndata: (.*)$/gm)];
      expect(events[0]![1]).to.equal('status');
      expect(events.at(-1)![1]).to.equal('done');
      expect(JSON.parse(events.at(-1)![2]!)).to.deep.include({ job: 'listed', state: 'done', parts: 2 });
      expect((await jobs.ask('DELETE', '/listed')).status).to.equal(204);
      expect((await jobs.ask('GET', '/listed')).status).to.equal(404);
      await eventually(
        async () => {
          const list = (await jobs.ask('GET', '')).json.jobs as { job: string }[];
          return !list.some(({ job }) => job === 'listed') || undefined;
        },
        () => 'out of the list',
      );
      expect(readdirSync(`${server.site.outside}/jobs`)).not.to.include('listed');
    });

    it('answers what makes no sense in one line', async () => {
      const problems: readonly (readonly [string, string, string | undefined, number, string])[] = [
        ['PUT', '/a/parts/a%2fb', 'x', 400, 'bad-name'],
        ['PUT', '/.x/parts/a', 'x', 400, 'bad-name'],
        ['PUT', '/a/parts/a%0a', 'x', 400, 'bad-name'],
        ['GET', '/none', undefined, 404, 'no-such-job'],
        ['POST', '/none/seal', undefined, 404, 'no-such-job'],
        ['DELETE', '/none', undefined, 404, 'no-such-job'],
        ['POST', '', '{', 400, 'bad-request'],
        ['GET', '/none/result?wait=x', undefined, 400, 'bad-request'],
        ['PATCH', '/a', 'x', 405, 'method-not-allowed'],
        ['GET', '/a/b/c/d', undefined, 404, 'not-found'],
      ];
      for (const [method, path, body, status, error] of problems) {
        const reply = await jobs.ask(method, path, body);
        expect([reply.status, reply.json?.error], `${method} ${path}`).to.deep.equal([status, error]);
      }
    });

    it('says nothing behind the head where only that was asked for', async () => {
      const client = await RawClient.open(server.port);
      for (const [path, status] of [
        ['/a/seal', 405],
        ['/a/events', 405],
        ['/a/b/c/d', 404],
        ['/none', 404],
      ] as const) {
        client.send(`HEAD /jobs${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
        expect((await client.response('HEAD')).status, path).to.equal(status);
      }
      client.send('GET /jobs HTTP/1.1\r\nHost: a\r\n\r\n');
      expect((await client.response()).json).to.have.property('jobs');
      client.destroy();
    });

    it('leaves the files of the site alone', async () => {
      server.site.file('jobsheet.txt', 'a file');
      expect((await server.get('/jobsheet.txt')).text).to.equal('a file');
    });
  });

  describe('limits', () => {
    afterEach(() => server?.stop());

    it('are kept, each with an error of its own', async () => {
      await boot({ JOBS_MAX: '2', JOBS_MAX_PARTS: '2', JOBS_MAX_PART_MB: '1', JOBS_MAX_JOB_MB: '1' });
      const codes = async (...puts: [string, string, number][]): Promise<string[]> => {
        const said: string[] = [];
        for (const [job, part, size] of puts) {
          const { status, json } = await jobs.put(job, part, Buffer.alloc(size));
          said.push(status === 201 ? 'ok' : (json?.error ?? `${status}`));
        }
        return said;
      };
      const large = await codes(['one', 'large', MB + 1]);
      expect(large).to.deep.equal(['part-too-large']);
      const client = await RawClient.open(server.port);
      client.send('PUT /jobs/one/parts/a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n');
      client.send(`${(2 * MB).toString(16)}\r\n`).send(Buffer.alloc(MB + 1));
      const { status, json } = await client.response('PUT');
      expect([status, (json as { readonly error: string }).error]).to.deep.equal([413, 'part-too-large']);
      client.destroy();
      const long = await jobs.ask('POST', '', ' '.repeat(70_000));
      expect([long.status, long.json.error]).to.deep.equal([400, 'bad-request']);
      expect(
        await codes(['one', 'a', 800_000], ['one', 'b', 800_000], ['one', 'b', 1], ['one', 'c', 1]),
      ).to.deep.equal(['ok', 'job-too-large', 'ok', 'too-many-parts']);
      expect(await codes(['two', 'a', 1], ['three', 'a', 1])).to.deep.equal(['ok', 'too-many-jobs']);
    });

    it('end a client that sends nothing any more', async () => {
      await boot({ JOBS_IDLE_SECONDS: '1' });
      const client = await RawClient.open(server.port);
      client.send('PUT /jobs/one/parts/a HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12345');
      expect((await client.response('PUT')).status).to.equal(408);
      client.destroy();
    });
  });

  describe('a token', () => {
    before(() => boot({ JOBS_TOKEN: 'secret' }));
    after(() => server?.stop());

    it('is needed for all of it', async () => {
      const none = await jobs.put('a', 'a', 'x');
      expect([none.status, none.json.error]).to.deep.equal([401, 'unauthorized']);
      expect(none.fields.get('www-authenticate')).to.include('Bearer');
      expect((await jobs.ask('GET', '')).status).to.equal(401);
      for (const authorization of ['Bearer secret', `Basic ${Buffer.from('me:secret').toString('base64')}`]) {
        const known = new JobsClient(() => server.origin, { authorization });
        expect((await known.put('a', 'a', 'x')).status).to.be.oneOf([200, 201]);
      }
    });
  });

  describe('a reducer of its own', () => {
    let module: TestDirectory;
    before(() => {
      module = new TestDirectory({
        'reduce.mjs': `export function add(chunk, part, job) { job.names = [...(job.names ?? []), part]; }
                       export function finish(job) { return job.names.join(); }`,
      });
      return boot({ REDUCER: module.at('reduce.mjs') });
    });
    after(async () => {
      await server?.stop();
      module.remove();
    });

    it('puts jobs together', async () => {
      await jobs.put('a', 'b', 'x');
      await jobs.put('a', 'a', 'x');
      expect((await jobs.status('a')).reducer).to.equal('module');
      await jobs.seal('a');
      expect((await jobs.result('a')).bytes.toString()).to.equal('b,a');
    });
  });

  describe('after a reload', () => {
    before(() => boot({ NUM_WORKERS: '2' }));
    after(() => server?.stop());
    const list = async (): Promise<string[]> =>
      (await jobs.ask('GET', '')).json.jobs.map(({ job }: { job: string }) => job);

    it('are where they were, though it wants them elsewhere', async () => {
      await jobs.put('kept', 'a', 'first');
      await server.reload({ JOBS_DIR: `${server.site.outside}/elsewhere` });
      await server.reported(/JOBS_DIR is changed by a restart, not by a reload/);
      await jobs.put('kept', 'b', 'second');
      await jobs.seal('kept');
      expect((await jobs.result('kept')).bytes.toString()).to.equal('firstsecond');
      expect(readdirSync(server.site.outside)).to.not.include('elsewhere');
    });

    it('are those of their directory, when they were off in between', async () => {
      await server.reload({ JOBS_DIR: 'off' });
      expect((await jobs.ask('GET', '')).status).to.equal(404);
      await server.reload({ JOBS_DIR: `${server.site.outside}/elsewhere` });
      await jobs.put('new', 'a', 'x');
      await eventually(
        async () => (await list()).includes('new') || undefined,
        () => 'the new job',
      );
      expect(await list()).to.deep.equal(['new']);
    });
  });
});
