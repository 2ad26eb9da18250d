/** What the server listens on, as a user asks for it: Unix-domain sockets, inherited ones, both kinds of IP. */
import { existsSync, lstatSync, readFileSync, readlinkSync } from 'node:fs';
import { expect } from 'chai';
import { requestFor } from '../../src/getfile/wire.js';
import { close, listenOn, listenOnPath, localName } from '../../src/posix/sockets.js';
import { fillBacklog } from '../helpers/backlog.js';
import { tlsSettings } from '../helpers/certificates.js';
import { TestDirectory } from '../helpers/directory.js';
import { within } from '../helpers/eventually.js';
import { descriptorsOf } from '../helpers/proc.js';
import { RawClient } from '../helpers/raw-client.js';
import { Sandbox, type SpawnedServer } from '../helpers/sandbox.js';
import { TestServer, TRANSPORT } from '../helpers/server.js';

const GET = 'GET /a.txt HTTP/1.1\r\nHost: x\r\n\r\n';

const ask = async (where: number | string, host?: string): Promise<string> => {
  const client = await RawClient.open(where, host);
  const response = await client.exchange(GET);
  client.destroy();
  return response.text;
};

describe('listening', () => {
  describe('on a Unix-domain socket', () => {
    let server: TestServer;
    before(async () => {
      server = await TestServer.start({
        settings: { HOST: 'unix:web.sock', BACKLOG: '3' },
        prefix: ['sh', '-c', 'umask 077; exec "$@"', 'sh'],
      });
      server.site.file('a.txt', 'here');
    });
    after(() => server?.stop());

    it('serves, and says where: in the banner, the statistics and the name of its pid file', async () => {
      const path = server.directory.at('web.sock');
      expect(server.socketPath).to.equal(path);
      expect(await ask(path)).to.equal('here');
      expect(server.stats().addresses).to.deep.equal([`unix:${path}`]);
      expect(server.banner).to.not.match(/Dashboard|http:/);
    });

    it('lets everybody connect who may enter the directory', () => {
      expect(lstatSync(server.socketPath).mode & 0o777).to.equal(0o666);
    });

    it('logs clients as unix:', async () => {
      await ask(server.socketPath);
      expect((await server.logLines(1))[0]).to.match(/^unix: - - \[/);
    });

    it('keeps its statistics from clients that it cannot tell apart, but for those that are allowed', async () => {
      expect((await server.get('/stats.json')).status).to.equal(403);
      server.configure({ STATS_ALLOW: 'unix:' });
      server.signal('SIGHUP');
      await server.reported(/reloaded: .*STATS_ALLOW/);
      expect((await server.get('/stats.json')).status).to.equal(200);
    });

    it('keeps socket and connections over a reload', async () => {
      const { ino } = lstatSync(server.socketPath);
      const client = await server.connect();
      expect((await client.exchange(GET)).text).to.equal('here');
      server.configure({ TIMEOUT_SECONDS: '70' });
      server.signal('SIGHUP');
      await server.reported(/reloaded: .*TIMEOUT_SECONDS/);
      expect((await client.exchange(GET)).text).to.equal('here');
      client.destroy();
      expect(lstatSync(server.socketPath).ino).to.equal(ino);
      expect(await ask(server.socketPath)).to.equal('here');
    });

    it('keeps as many connections in the kernel as BACKLOG says', () => {
      server.signal('SIGSTOP');
      try {
        // The kernel keeps one more than it is told (unix_recvq_full).
        expect(fillBacklog(server.socketPath)).to.equal(4);
      } finally {
        server.signal('SIGCONT');
      }
    });

    it('moves to another one by a reload, and takes its files along', async () => {
      const [first, second] = [server.socketPath, server.directory.at('other.sock')];
      server.configure({ HOST: 'unix:other.sock' });
      server.signal('SIGHUP');
      await server.reported(/reloaded: .*HOST.*other/);
      server.socketPath = second;
      expect(await ask(second)).to.equal('here');
      expect(existsSync(first)).to.equal(false);
      expect(server.stats().addresses).to.deep.equal([`unix:${second}`]);
      server.configure({ HOST: 'unix:web.sock', TIMEOUT_SECONDS: '71' });
      server.signal('SIGHUP');
      await server.reported(/reloaded: .*TIMEOUT_SECONDS.*71/);
      server.socketPath = first;
      expect([existsSync(first), existsSync(second)]).to.deep.equal([true, false]);
    });

    it('removes its file at the end', async () => {
      await server.stop('SIGTERM', () => expect(existsSync(server.socketPath)).to.equal(false));
    });
  });

  describe('on a path', () => {
    let sandbox: Sandbox;
    beforeEach(() => {
      sandbox = new Sandbox();
      sandbox.directory.write('site/a.txt', 'here');
    });
    afterEach(() => sandbox.end());

    const args = (path: string): string[] => [
      ...['site', '--host', `unix:${path}`, '--transport', TRANSPORT],
      ...['--num-workers', '1', '--threads-per-worker', '1'],
    ];
    const serve = async (path: string): Promise<SpawnedServer> => {
      const server = sandbox.spawn(args(path));
      await server.said(/^ +Local +unix:/m);
      return server;
    };

    it('replaces the socket of a server that was killed', async () => {
      const path = sandbox.directory.at('a.sock');
      const first = await serve('a.sock');
      first.discard();
      await within(first.ended, () => 'the end of the server');
      expect(existsSync(path)).to.equal(true);
      await serve('a.sock');
      expect(await ask(path)).to.equal('here');
    });

    it('refuses one that somebody answers on, and says who: exit code 3', async () => {
      const first = await serve('a.sock');
      const again = await sandbox.run(...args('a.sock'));
      expect(again).to.deep.equal({
        code: 3,
        out: '',
        err: `handover: HOST: unix:${sandbox.directory.at('a.sock')} is taken by node main.js (pid ${first.pid}); choose another with --host unix:PATH\n`,
      });
      expect(await ask(sandbox.directory.at('a.sock'))).to.equal('here');
    });

    it('never touches what is no socket: exit code 3', async () => {
      const path = sandbox.directory.write('precious', 'mine');
      const { code, err } = await sandbox.run(...args('precious'));
      expect([code, err]).to.deep.equal([
        3,
        `handover: HOST: unix:${path} exists and is no socket; remove it, or name another in HOST\n`,
      ]);
      expect(readFileSync(path, 'utf8')).to.equal('mine');
    });

    it('says what is missing, and what cannot be: exit codes 3 and 2', async () => {
      const missing = await sandbox.run(...args('no/a.sock'));
      expect(missing.code).to.equal(3);
      expect(missing.err).to.match(
        /^handover: HOST: unix:\S+ cannot be made: there is no directory \S+\/no\n$/,
      );
      const long = await sandbox.run(...args('x'.repeat(108)));
      expect(long.code).to.equal(2);
      expect(long.err).to.match(
        /^command line: --host=unix:x+\.\.\.: the path of a socket may have 107 bytes at most; .*\n$/,
      );
      expect(sandbox.leftovers).to.deep.equal([]);
    });

    it('is how the other commands find the server', async () => {
      await serve('a.sock');
      const second = await serve('b.sock');
      const which = await sandbox.run('status');
      expect(which.code).to.equal(6);
      expect(which.err).to.match(/on unix:\/\S+\/a\.sock \(pid \d+\), unix:\S+b\.sock .*--host unix:PATH/);
      const status = await sandbox.run('status', '--host', 'unix:b.sock');
      expect(status.out)
        .to.match(new RegExp(`pid ${second.pid}`))
        .and.to.match(/addresses +unix:\S+b\.sock/);
      expect((await sandbox.run('reload', '--host', 'unix:b.sock')).code).to.equal(0);
      expect((await sandbox.run('stop', '--host', 'unix:b.sock')).code).to.equal(0);
      expect(await second.ended).to.deep.equal({ code: 0, signal: null });
      expect((await sandbox.run('stop', '--host', 'unix:b.sock')).code).to.equal(6);
      expect((await sandbox.run('stop', '--host', '127.0.0.1')).code).to.equal(2);
      expect((await sandbox.run('stop')).code).to.equal(0);
      expect(sandbox.leftovers).to.deep.equal([]);
    });
  });

  describe('on inherited sockets', () => {
    let server: TestServer;
    let directory: TestDirectory;
    let sockets: number[];
    before(async () => {
      directory = new TestDirectory();
      sockets = [tcp('127.0.0.1'), listenOnPath(directory.at('given.sock'), 1), tcp('::1')];
      // What HOST names cannot be bound: nobody tries.
      server = await TestServer.start({ settings: { HOST: '192.0.2.1', PORT: '1' }, inherited: sockets });
      server.site.file('a.txt', 'here');
    });
    after(async () => {
      await server?.stop();
      for (const fd of sockets) close(fd);
      directory.remove();
    });

    const addresses = (): [where: number | string, host: string][] => {
      const [first, , last] = server.stats().addresses;
      return [
        [Number(new URL(first!).port), '127.0.0.1'],
        [directory.at('given.sock'), ''],
        [Number(new URL(last!).port), '::1'],
      ];
    };

    it('serves on each of them, and on nothing else', async () => {
      expect(server.banner).to.match(
        /note +the 3 sockets are inherited \(LISTEN_FDS\); HOST and PORT are not/,
      );
      expect(server.stats().addresses)
        .to.have.lengthOf(3)
        .and.to.include(`unix:${directory.at('given.sock')}`);
      for (const [where, host] of addresses()) expect(await ask(where, host), host).to.equal('here');
      const logged = (await server.logLines(3)).map((line) => line.split(' ')[0]);
      expect(logged).to.have.members(['127.0.0.1', 'unix:', '::1']);
    });

    it('keeps them from its workers, and what was said of them', async () => {
      const inodes = descriptorsOf(process.pid);
      const given = sockets.map((fd) => inodeOf(fd));
      expect(inodes).to.include.members(given);
      expect(descriptorsOf(server.pid)).to.include.members(given);
      for (const pid of server.workerPids()) {
        expect(descriptorsOf(pid)).to.not.include.oneOf(given);
        expect(readFileSync(`/proc/${pid}/environ`, 'latin1')).to.not.include('LISTEN_');
      }
    });

    it('keeps them over a reload', async () => {
      const before = addresses();
      server.configure({ TIMEOUT_SECONDS: '70', HOST: '127.0.0.1' });
      server.signal('SIGHUP');
      await server.reported(/reloaded: .*TIMEOUT_SECONDS/);
      expect(addresses()).to.deep.equal(before);
      for (const [where, host] of before) expect(await ask(where, host), host).to.equal('here');
    });

    it('leaves them to whoever has them, at the end', async () => {
      await server.stop();
      expect(existsSync(directory.at('given.sock'))).to.equal(true);
    });
  });

  it('speaks TLS on an inherited socket that is named https', async () => {
    const sockets = [tcp('127.0.0.1'), tcp('127.0.0.1')];
    const server = await TestServer.start({
      settings: tlsSettings(),
      inherited: sockets,
      env: { LISTEN_FDNAMES: 'web.socket:web-https.socket' },
    });
    try {
      server.site.file('a.txt', 'here');
      expect((await server.get('/a.txt')).text).to.equal('here');
      const client = await server.connectSecure();
      expect((await client.exchange(GET)).text).to.equal('here');
      client.destroy();
    } finally {
      await server.stop();
      for (const fd of sockets) close(fd);
    }
  });

  it('speaks GetFile on inherited sockets that are named getfile, also on a path', async () => {
    const directory = new TestDirectory();
    const path = directory.at('getfile.sock');
    const sockets = [tcp('127.0.0.1'), tcp('127.0.0.1'), listenOnPath(path, 10)];
    const server = await TestServer.start({
      inherited: sockets,
      env: { LISTEN_FDNAMES: 'web:getfile:my-getfile' },
    });
    try {
      server.site.file('a.txt', 'here');
      for (const where of [localName(sockets[1]!).port, path]) {
        const client = await RawClient.open(where);
        const { bytes } = await client.send(requestFor('/a.txt')).rest();
        expect(`${bytes}`).to.equal('GETFILE OK 4\r\n\r\nhere');
      }
      expect(server.banner).to.match(/^ {2}GetFile +unix:.*getfile\.sock$/m);
    } finally {
      await server.stop();
      for (const fd of sockets) close(fd);
      directory.remove();
    }
  });

  describe('on descriptors that were not meant so', () => {
    let sandbox: Sandbox;
    beforeEach(() => {
      sandbox = new Sandbox();
    });
    afterEach(() => sandbox.end());

    const start = (script: string, ...more: string[]): SpawnedServer => {
      const args = [
        'site',
        '--port',
        '0',
        '--host',
        '127.0.0.1',
        '--num-workers',
        '1',
        '--transport',
        TRANSPORT,
      ];
      return sandbox.spawn([...args, ...more], ['sh', '-c', `${script} exec "$@"`, 'sh']);
    };
    const must = 'it must be a TCP or Unix-domain socket that listens (ListenStream=, Accept=no)';

    const wrong: readonly [script: string, message: string][] = [
      ['exec 3</dev/null; LISTEN_PID=$$ LISTEN_FDS=1', `LISTEN_FDS: descriptor 3 is no socket; ${must}`],
      ['exec 3<"$2"; LISTEN_PID=$$ LISTEN_FDS=1', `LISTEN_FDS: descriptor 3 is a file; ${must}`],
      ['LISTEN_PID=$$ LISTEN_FDS=64', `LISTEN_FDS: descriptor 3 is no socket; ${must}`],
      ['LISTEN_PID=$$ LISTEN_FDS=two', 'LISTEN_FDS: two is no number of sockets; it must be from 1 to 64'],
      ['LISTEN_PID=$$ LISTEN_FDS=65', 'LISTEN_FDS: 65 is no number of sockets; it must be from 1 to 64'],
      [
        'LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=https',
        'LISTEN_FDNAMES: descriptor 3 is named https, and TLS is off; set TLS_CERT and TLS_KEY, or name it otherwise',
      ],
    ];
    for (const [script, message] of wrong) {
      it(`ends with one line and exit code 3: ${message}`, async () => {
        const server = start(script);
        expect(await within(server.ended, () => server.err)).to.deep.equal({ code: 3, signal: null });
        expect(server.err).to.equal(`handover: ${message}\n`);
        expect(server.out).to.equal('');
        expect(sandbox.leftovers).to.deep.equal([]);
      });
    }

    it('refuses TLS that no socket is for', async () => {
      const { TLS_CERT, TLS_KEY } = tlsSettings();
      const tls = ['--tls-cert', String(TLS_CERT), '--tls-key', String(TLS_KEY)];
      const server = start('LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=web', ...tls);
      expect((await within(server.ended, () => server.err)).code).to.equal(3);
      expect(server.err).to.match(
        /^handover: LISTEN_FDNAMES: TLS_CERT is set, and no inherited socket is for it/,
      );
    });

    it('leaves what is for another process alone, and says so', async () => {
      const server = start('LISTEN_PID=1 LISTEN_FDS=1');
      await server.ready();
      expect(server.out).to.match(
        /note +LISTEN_FDS is for process 1, and this is \d+: start handover itself/,
      );
    });
  });

  describe('on every address', () => {
    let server: TestServer;
    before(async () => {
      server = await TestServer.start({ settings: { HOST: '::' } });
      server.site.file('a.txt', 'here');
    });
    after(() => server?.stop());

    it('takes clients of IPv4 and IPv6, and logs each by its own address', async () => {
      expect(await ask(server.port, '127.0.0.1')).to.equal('here');
      expect((await server.logLines(1))[0]).to.match(/^127\.0\.0\.1 - /);
      expect(await ask(server.port, '::1')).to.equal('here');
      expect((await server.logLines(2))[1]).to.match(/^::1 - /);
    });
  });
});

function tcp(address: string): number {
  return listenOn({ address, port: 0, backlog: 1, deferAccept: false });
}

/** `socket:[4711]` */
function inodeOf(fd: number): string {
  return readlinkSync(`/proc/self/fd/${fd}`);
}
