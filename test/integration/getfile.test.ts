/** The files over GetFile, beside HTTP: the same bytes, limits, counts and log; reloads lose nothing. */
import { appendFileSync } from 'node:fs';
import { expect } from 'chai';
import { requestFor } from '../../src/getfile/wire.js';
import { eventually, settled } from '../helpers/eventually.js';
import { RawClient } from '../helpers/raw-client.js';
import { Sandbox } from '../helpers/sandbox.js';
import { TestServer } from '../helpers/server.js';
import { readBeginning } from '../helpers/slow-reader.js';
import { pattern } from '../helpers/transport-protocol.js';

const NOT_FOUND = 'GETFILE FILE_NOT_FOUND\r\n\r\n';
const INVALID = 'GETFILE INVALID\r\n\r\n';
const MB = 1024 * 1024;

describe('GetFile', () => {
  let server: TestServer;
  const start = async (settings: Record<string, string> = {}): Promise<void> => {
    server = await TestServer.start({
      settings: { GETFILE_PORT: '0', THREADS_PER_WORKER: '1', ...settings },
    });
  };
  const connect = (): Promise<RawClient> => RawClient.open(server.getfilePort);
  /** What comes for bytes that are sent on a connection of their own. */
  const ask = async (bytes: string | Buffer): Promise<Buffer> => {
    const client = await connect();
    const { bytes: came, reset } = await client.send(bytes).rest();
    expect(reset, 'a reset').to.equal(false);
    return came;
  };
  const get = (path: string): Promise<Buffer> => ask(requestFor(path));

  describe('a file', () => {
    before(() => start({ CACHE_MAX_FILE_KB: '64' }));
    after(() => server?.stop());

    for (const size of [0, 1, 1000, 64 * 1024, 64 * 1024 + 1, MB, 24 * MB]) {
      it(`of ${size} bytes comes with its length, byte for byte, from the disk and from the cache`, async () => {
        const file = pattern(size);
        server.site.file(`${size}.bin`, file);
        const expected = Buffer.concat([Buffer.from(`GETFILE OK ${size}\r\n\r\n`), file]);
        for (let i = 0; i < 3; i++) expect((await get(`/${size}.bin`)).equals(expected)).to.equal(true);
      });
    }

    it('comes as it lies on disk, though it is kept compressed for others', async () => {
      const text = 'compressible '.repeat(1000);
      server.site.file('text.txt', text);
      server.site.file('sidecar.txt', 'itself');
      server.site.file('sidecar.txt.gz', 'not itself');
      const http = await server.get('/text.txt', { 'Accept-Encoding': 'gzip' });
      expect(http.field('content-encoding')).to.equal('gzip');
      expect(`${await get('/text.txt')}`).to.equal(`GETFILE OK ${text.length}\r\n\r\n${text}`);
      expect(`${await get('/sidecar.txt')}`).to.equal('GETFILE OK 6\r\n\r\nitself');
    });

    it('is found by every spelling of its path, and behind the redirects that HTTP would answer with', async () => {
      server.site.file('docs/index.html', 'index');
      server.site.file('docs/caf\u00e9 \u0023.txt', 'odd');
      for (const path of ['/docs/', '/docs', '//docs/./index.html', '/x/../docs/', '/d%6fcs/']) {
        expect(`${await get(path)}`, path).to.equal('GETFILE OK 5\r\n\r\nindex');
      }
      for (const path of ['/docs/caf\u00c3\u00a9%20#.txt', '/docs/caf%C3%A9%20%23.txt']) {
        expect(`${await get(path)}`, path).to.equal('GETFILE OK 3\r\n\r\nodd');
      }
    });

    it('that is not there, or for nobody, is not found', async () => {
      server.site.file('.hidden', 'secret');
      server.site.file('404.html', 'a page for people');
      for (const path of [
        '/nothing',
        '/.hidden',
        '/../root-secret',
        '/%2e%2e/x',
        '/a%2fb',
        '/%zz',
        '/a%00',
      ]) {
        expect(`${await get(path)}`, path).to.equal(NOT_FOUND);
      }
    });

    it('is not sent to what is no request', async () => {
      const texts = [
        'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
        'GETFILE PUT /a\r\n\r\n',
        'GETFILE GET a\r\n\r\n',
        `GETFILE GET /${'x'.repeat(9000)}\r\n\r\n`,
        '\x16\x03\x01',
        'x'.repeat(1_000_000),
      ];
      for (const text of texts) expect(`${await ask(text)}`).to.equal(INVALID);
      const client = await connect();
      client.send('GETFILE GET /half').finish();
      expect(`${(await client.rest()).bytes}`).to.equal(INVALID);
    });

    it('comes to one that has closed its direction, and to one that has sent too much', async () => {
      server.site.file('a.txt', 'hello');
      const client = await connect();
      client.send('GETFILE GET /a.txt\r\n\r\n').finish();
      expect(`${(await client.rest()).bytes}`).to.equal('GETFILE OK 5\r\n\r\nhello');
      expect(`${await ask('GETFILE GET /a.txt\r\n\r\nGETFILE GET /a.txt\r\n\r\n')}`).to.equal(
        'GETFILE OK 5\r\n\r\nhello',
      );
    });

    it('comes to a client that asks byte by byte, and to one that takes its time', async () => {
      server.site.file('slow.bin', pattern(24 * MB));
      const client = await connect();
      for (const byte of requestFor('/slow.bin').subarray(0, -1)) client.send(Buffer.of(byte));
      await readBeginning(client, '\n');
      await server.standing();
      client.socket.resume();
      const { bytes } = await client.rest();
      expect(bytes.subarray(bytes.indexOf('\r\n\r\n') + 4).equals(pattern(24 * MB))).to.equal(true);
    });

    it('that changes while it is sent is cut short', async () => {
      const path = server.site.file('changing.bin', pattern(24 * MB));
      await settled(path);
      const client = await connect();
      await readBeginning(client, `${requestFor('/changing.bin')}`);
      await server.standing();
      appendFileSync(path, 'more');
      client.socket.resume();
      const { bytes } = await client.rest();
      expect(bytes.length - bytes.indexOf('\r\n\r\n') - 4).to.be.below(24 * MB);
      await server.reported(/a file changed while it was sent; the connection was cut/);
    });
  });

  describe('for many clients', () => {
    afterEach(() => server?.stop());

    it('comes whole to each of hundreds at once, of which some are slow', async () => {
      await start({ CACHE_MAX_FILE_KB: '64' });
      const sizes = [0, 10, 5000, 300_000];
      for (const size of sizes) server.site.file(`${size}.bin`, pattern(size));
      const clients = await Promise.all(Array.from({ length: 400 }, connect));
      const halves = clients.map((_, i) => requestFor(`/${sizes[i % sizes.length]}.bin`));
      for (const [i, client] of clients.entries()) client.send(halves[i]!.subarray(0, 5 + (i % 10)));
      for (const [i, client] of clients.entries()) client.send(halves[i]!.subarray(5 + (i % 10)));
      const replies = await Promise.all(clients.map((client) => client.rest()));
      for (const [i, { bytes, reset }] of replies.entries()) {
        const size = sizes[i % sizes.length]!;
        const whole = Buffer.concat([Buffer.from(`GETFILE OK ${size}\r\n\r\n`), pattern(size)]);
        expect(bytes.equals(whole) && !reset, `client ${i}`).to.equal(true);
      }
      expect((await server.settled()).requests.total).to.equal(400);
    });

    it('waits for none of them for ever: not for a request, and not for a file to be taken', async () => {
      const seconds = { WRITE_TIMEOUT_SECONDS: '1', HEADER_TIMEOUT_SECONDS: '1' };
      await start({ CACHE_MAX_FILE_KB: '64', ...seconds });
      server.site.file('large.bin', pattern(24 * MB));
      const dead = await connect();
      await readBeginning(dead, `${requestFor('/large.bin')}`);
      const silent = await connect();
      const slow = await connect();
      slow.send('GETFILE GET /');
      expect(`${(await slow.rest()).bytes}`).to.equal(INVALID);
      expect(`${(await silent.rest()).bytes}`).to.equal('');
      const { connections } = await server.settled();
      expect(connections.active).to.equal(0);
      dead.destroy();
    });
  });

  describe('in the statistics and the log', () => {
    before(() => start());
    after(() => server?.stop());

    it('is a request like others', async () => {
      server.site.file('a.txt', 'hello');
      const replies = [await get('/a.txt'), await get('/a.txt'), await get('/none'), await ask('nonsense')];
      await get('/healthz');
      const { requests, status, connections, bytes, addresses } = await server.settled();
      expect(requests.total).to.equal(4);
      expect([status['200'], status['404'], status['4xx']]).to.deep.equal([2, 1, 2]);
      expect(connections.accepted).to.equal(5);
      expect(requests.monitoring).to.equal(1);
      const health = 'GETFILE OK 3\r\n\r\nok\n'.length;
      expect(bytes.sent).to.equal(replies.reduce((sum, { length }) => sum + length, health));
      expect(addresses).to.include(`getfile://127.0.0.1:${server.getfilePort}/`);
      const lines = await server.logLines(4);
      const ends = lines.map((line) => line.replace(/^[^"]*/, '').replace(/ \d\.\d{3} \S+$/, ''));
      expect(ends.sort()).to.deep.equal([
        '"-" 400 0 "-" "-"',
        '"GET /a.txt GETFILE" 200 5 "-" "-"',
        '"GET /a.txt GETFILE" 200 5 "-" "-"',
        '"GET /none GETFILE" 404 0 "-" "-"',
      ]);
    });
  });

  describe('across changes of workers', () => {
    before(() => start({ CACHE_MAX_FILE_KB: '64' }));
    after(() => server?.stop());

    it('keeps connections on which nothing was asked yet, or half a request', async () => {
      server.site.file('a.txt', 'hello');
      const clients = await Promise.all(Array.from({ length: 20 }, connect));
      for (const [i, client] of clients.entries()) client.send('GETFILE GET /a.txt\r\n\r'.slice(0, i));
      await server.statsWhen(({ connections }) => connections.active === 20, 'all 20 are with workers');
      await server.reload();
      server.signal('SIGTTOU');
      await server.statsWhen(({ workers }) => workers.length === 1, 'one worker');
      for (const [i, client] of clients.entries()) {
        client.send('GETFILE GET /a.txt\r\n\r\n'.slice(i));
        expect(`${(await client.rest()).bytes}`).to.equal('GETFILE OK 5\r\n\r\nhello');
      }
      server.signal('SIGTTIN');
      await server.statsWhen(({ workers }) => workers.length === 2, 'two workers');
    });

    it('loses no transfer under load', async () => {
      const sandbox = new Sandbox();
      try {
        const sizes = [0, 1, 1000, 100_000, 3 * MB];
        for (const size of sizes) server.site.file(`load/${size}.bin`, pattern(size));
        const paths = sizes.map((size) => `/load/${size}.bin`);
        const limits = ['--threads', '6', '--requests', '100000'];
        const client = sandbox.spawn([
          'get',
          `127.0.0.1:${server.getfilePort}`,
          ...paths,
          ...limits,
          `--verify=${server.site.root}`,
        ]);
        const { requests } = server.stats();
        const isLoaded = (seen: number) =>
          server.statsWhen((stats) => stats.requests.total > seen + 100, 'some load');
        await isLoaded(requests.total);
        for (let round = 0; round < 3; round++) {
          await server.reload();
          await isLoaded(server.stats().requests.total);
        }
        client.child.kill('SIGINT');
        await client.ended;
        const failed = client.err
          .split('\n')
          .filter((line) => line !== '' && !line.endsWith(': interrupted'));
        expect(failed).to.deep.equal([]);
        expect(client.out).to.match(/of 100,000 requests were not made/);
      } finally {
        await sandbox.end();
      }
    });

    it('that die makes some transfers errors, and none wrong', async () => {
      const others = await TestServer.start({
        mayLoseWorkers: true,
        settings: { GETFILE_PORT: '0', THREADS_PER_WORKER: '1', CACHE_MAX_FILE_KB: '64' },
      });
      const sandbox = new Sandbox();
      try {
        for (const size of [1000, 8 * MB]) others.site.file(`${size}.bin`, pattern(size));
        const server = `127.0.0.1:${others.getfilePort}`;
        const limits = ['--threads', '6', '--requests', '200', `--verify=${others.site.root}`];
        const client = sandbox.spawn(['get', server, '/1000.bin', `/${8 * MB}.bin`, ...limits]);
        const victim = others.workerPids()[0]!;
        await others.statsWhen(({ requests }) => requests.total > 20, 'some load');
        process.kill(victim, 'SIGKILL');
        await client.ended;
        const [, errors] = /^ +6 +200 +(\d+) /m.exec(client.out) ?? [];
        // At most what each thread had under way.
        expect(Number(errors), client.out + client.err).to.be.at.most(6);
        const problems = client.err.split('\n').filter((line) => line !== '');
        for (const line of problems) expect(line).to.match(/ECONNRESET|closed the connection/);
        expect(client.child.exitCode).to.equal(problems.length === 0 ? 0 : 8);
        await others.statsWhen(
          ({ workers }) => workers.length === 2 && workers.every(({ pid }) => pid !== victim),
          'another worker',
        );
      } finally {
        await sandbox.end();
        await others.stop();
      }
    });

    it('is turned on, moved and turned off by a reload', async () => {
      const { getfilePort: first } = server;
      server.site.file('b.txt', 'still');
      await server.reload({ GETFILE_PORT: 'off' });
      const refused = await RawClient.open(first).then(
        () => 'connected',
        (error: NodeJS.ErrnoException) => error.code,
      );
      expect(refused).to.equal('ECONNREFUSED');
      await server.reload({ GETFILE_PORT: String(first) });
      expect(`${await get('/b.txt')}`).to.equal('GETFILE OK 5\r\n\r\nstill');
      await server.reload({ GETFILE_PORT: String(first) });
      expect(`${await get('/b.txt')}`).to.equal('GETFILE OK 5\r\n\r\nstill');
      expect((await server.get('/b.txt')).text).to.equal('still');
    });
  });

  describe('GETFILE_PORT', () => {
    let sandbox: Sandbox;
    beforeEach(() => {
      sandbox = new Sandbox();
    });
    afterEach(() => sandbox.end());
    const site = (...args: string[]): string[] => [
      sandbox.site,
      ...['--host', '127.0.0.1', '--port', '0', '--num-workers', '1', '--threads-per-worker', '1'],
      ...args,
    ];

    it('is off unless it is asked for, and said in the banner when it is', async () => {
      const plain = sandbox.spawn(site());
      await plain.ready();
      expect(plain.out).not.to.match(/GetFile/);
      const other = sandbox.spawn(site('--getfile-port', '0'));
      await other.ready();
      await other.said(/^ {2}GetFile +127\.0\.0\.1:\d+$/m);
    });

    it('that is taken ends the server, which says who has it and leaves nothing behind', async () => {
      const first = sandbox.spawn(site('--getfile-port', '0'));
      await first.ready();
      const [, port = ''] = await first.said(/GetFile +127\.0\.0\.1:(\d+)\n/);
      const second = await sandbox.run(...site('--getfile-port', port));
      expect(second.code).to.equal(3);
      expect(second.err).to.match(
        new RegExp(
          `GETFILE_PORT: port ${port} is taken by .* \\(pid ${first.pid}\\); choose another with --getfile-port\n`,
        ),
      );
      expect(sandbox.leftovers.filter((name) => name.endsWith('.pid'))).to.have.lengthOf(1);
    });

    it('is checked with the other settings', async () => {
      const check = async (...lines: string[]): Promise<string> => {
        sandbox.directory.write('getfile.conf', ['DOCUMENT_ROOT=site', ...lines, ''].join('\n'));
        const { out, err } = await sandbox.run('check', 'getfile.conf');
        return out + err;
      };
      expect(await check('GETFILE_PORT=3001')).to.match(/on 0\.0\.0\.0 port 3000, GetFile port 3001\n/);
      expect(await check('GETFILE_PORT=on')).to.match(
        /:2: GETFILE_PORT=on: must be a port from 0 to 65535, or off/,
      );
      expect(await check('GETFILE_PORT=3000')).to.match(/:2: GETFILE_PORT=3000: this is the plain PORT too/);
      expect(await check('HOST=unix:a.sock', 'GETFILE_PORT=3001')).to.match(
        /:3: GETFILE_PORT=3001: GetFile needs/,
      );
      expect(await check('GETFILE_PORT=off')).to.match(/: ok\n/);
    });

    it('lets a server end that a client has asked half a request', async () => {
      const running = sandbox.spawn(site('--getfile-port', '0'));
      await running.ready();
      const [, port] = await running.said(/GetFile +127\.0\.0\.1:(\d+)\n/);
      const client = await RawClient.open(Number(port));
      client.send('GETFILE');
      await eventually(
        async () => /connections +1 of/.test((await sandbox.run('status')).out) || undefined,
        () => 'the connection is with a worker',
      );
      running.child.kill('SIGTERM');
      expect((await running.ended).code).to.equal(0);
      await client.rest();
    });
  });
});
