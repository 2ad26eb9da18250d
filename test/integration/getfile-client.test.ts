/** `handover get`: whole files or an error, whatever the server does. */
import { createHash, randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import type net from 'node:net';
import { expect } from 'chai';
import type { Outcome } from '../helpers/command.js';
import { eventually } from '../helpers/eventually.js';
import { type Answer, GetFileServer, ok } from '../helpers/getfile-server.js';
import { Sandbox, type SpawnedServer } from '../helpers/sandbox.js';
import { TRANSPORT } from '../helpers/server.js';

const MB = 1024 * 1024;
const NOT_TRANSFERRED = 8;

describe('handover get', () => {
  let sandbox: Sandbox;
  let fake: GetFileServer | undefined;
  beforeEach(() => {
    sandbox = new Sandbox();
  });
  afterEach(async () => {
    fake?.close();
    fake = undefined;
    await sandbox.end();
  });

  /** Files below `out/`, with their digests. */
  const kept = (): Record<string, string> => {
    const files = readdirSync(sandbox.directory.at('out'), { recursive: true }).map(String);
    const regular = files.filter((name) => statSync(sandbox.directory.at(`out/${name}`)).isFile());
    return Object.fromEntries(
      regular.map((name) => [name, sha256(readFileSync(sandbox.directory.at(`out/${name}`)))]),
    );
  };
  const serve = async (): Promise<{ readonly server: SpawnedServer; readonly address: string }> => {
    const where = [sandbox.site, '--host', '127.0.0.1', '--port', '0', '--getfile-port', '0'];
    const server = sandbox.spawn([
      ...where,
      '--num-workers',
      '2',
      '--threads-per-worker',
      '1',
      '--log-file',
      'off',
      '--transport',
      TRANSPORT,
    ]);
    const [, address = ''] = await server.said(/GetFile +(\S+)\n/);
    return { server, address };
  };

  describe('from handover', () => {
    it('gets files of all sizes, byte for byte, 64 at once', async () => {
      const files = new Map<string, Buffer>();
      for (const size of [0, 1, 4095, 65_536, MB, MB + 1, 5 * MB, 16 * MB]) {
        files.set(`dir/${size}.bin`, randomBytes(size));
        sandbox.directory.write(`site/dir/${size}.bin`, files.get(`dir/${size}.bin`)!);
      }
      const { address } = await serve();
      const workload = sandbox.directory.write('workload.txt', [...files.keys()].join('\n'));
      const all = ['--workload', workload, '--threads', '64', '--requests', '64', '--out', 'out'];
      const client = sandbox.spawn(['get', address, ...all, `--verify=${sandbox.site}`]);
      expect([(await client.ended).code, client.err]).to.deep.equal([0, '']);
      expect(client.out).to.match(/^ +64 +64 +0 +184\.\d MB /m);
      expect(kept()).to.deep.equal(
        Object.fromEntries([...files].map(([name, bytes]) => [name, sha256(bytes)])),
      );
    });

    it('reports as JSON where scripts read it, also what failed', async () => {
      sandbox.directory.write('site/small.bin', 'small');
      const { address } = await serve();
      const client = sandbox.spawn(['get', address, '/small.bin', '/none', '--requests', '5', '--json']);
      expect((await client.ended).code).to.equal(NOT_TRANSFERRED);
      const { wanted, requests, errors, bytes, failures } = JSON.parse(client.out);
      expect({ wanted, requests, errors, bytes }).to.deep.equal({
        wanted: 5,
        requests: 5,
        errors: 2,
        bytes: 15,
      });
      expect(failures.map(({ path }: { path: string }) => path)).to.deep.equal(['/none', '/none']);
      expect(client.err).to.match(/^handover get: \/none: /);
    });

    it('that is killed in the midst of transfers, keeps nothing that is not whole', async () => {
      const bytes = randomBytes(64 * MB);
      sandbox.directory.write('site/large.bin', bytes);
      sandbox.directory.write('site/small.bin', 'small');
      const { server, address } = await serve();
      const client = sandbox.spawn([
        ...['get', address, '/small.bin', '/large.bin', '--requests', '400', '--threads', '4'],
        ...['--out', 'out', '--timeout', '20'],
      ]);
      const parts = (): number[] =>
        readdirSync(sandbox.directory.at('out'))
          .filter((name) => name.endsWith('.part'))
          .flatMap(
            (name) => statSync(sandbox.directory.at(`out/${name}`), { throwIfNoEntry: false })?.size ?? [],
          );
      await eventually(
        () => existsIn(sandbox.directory.at('.'), 'out') || undefined,
        () => 'the first file comes',
      );
      await eventually(
        () => parts().some((size) => size > MB && size < 64 * MB) || undefined,
        () => `a transfer is under way; ${client.out}${client.err}`,
      );
      server.discard();
      const { code } = await client.ended;
      expect(code).to.equal(NOT_TRANSFERRED);
      expect(client.err).to.match(/(after \d+ of 67108864 bytes|ECONNRESET|ECONNREFUSED)/);
      for (const [name, digest] of Object.entries(kept())) {
        expect(digest, name).to.equal(sha256(name === 'large.bin' ? bytes : 'small'));
      }
    });

    it('says what it did not find, and keeps what it did', async () => {
      sandbox.directory.write('site/a.txt', 'here');
      const { address } = await serve();
      const run = await sandbox.run('get', address, '/a.txt', '/b.txt', '--out', 'out');
      expect([run.code, run.err]).to.deep.equal([NOT_TRANSFERRED, 'handover get: /b.txt: FILE_NOT_FOUND\n']);
      expect(kept()).to.deep.equal({ 'a.txt': sha256('here') });
    });

    it('ends at Ctrl-C with what it has, and leaves no part of a file', async () => {
      sandbox.directory.write('site/large.bin', Buffer.alloc(64 * MB));
      const { address } = await serve();
      const limits = ['--requests', '100000', '--threads', '3', '--out', 'out'];
      const client = sandbox.spawn(['get', address, '/large.bin', ...limits]);
      await eventually(
        () => existsIn(sandbox.directory.at('.'), 'out') || undefined,
        () => `the first file comes; ${client.err}`,
      );
      client.child.kill('SIGINT');
      expect((await client.ended).code).to.equal(NOT_TRANSFERRED);
      expect(client.err).to.match(/^handover get: \/large\.bin: interrupted$/m);
      expect(client.out).to.match(/ of 100,000 requests were not made\n/);
      expect(Object.keys(kept()).filter((name) => name !== 'large.bin')).to.deep.equal([]);
    });
  });

  describe('from any other server', () => {
    /** Runs the command against a server that answers so. */
    const against = async (answer: Answer, ...args: string[]): Promise<Outcome> => {
      fake = await GetFileServer.start(answer);
      return sandbox.run('get', fake.address, '--out', 'out', ...(args.length === 0 ? ['/a.txt'] : args));
    };

    it('takes a reply that comes byte by byte', async () => {
      const answer = (socket: net.Socket): void => {
        for (const byte of ok('hello\r\n\r\n')) socket.write(Buffer.of(byte));
        socket.end();
      };
      expect((await against(answer)).code).to.equal(0);
      expect(kept()).to.deep.equal({ 'a.txt': sha256('hello\r\n\r\n') });
    });

    it('takes a reply behind which the connection stays open', async () => {
      const run = await against((socket) => socket.write(ok('hello')));
      expect([run.code, run.err]).to.deep.equal([0, '']);
      await eventually(
        () => fake!.open === 0 || undefined,
        () => 'the client closes the connection',
      );
    });

    it('sends the path as it was written', async () => {
      await against((socket) => socket.end(ok('')), '/a b.txt', 'caf\u00e9', '/x%41y?z');
      expect(fake!.asked.sort()).to.deep.equal(['/a%20b.txt', '/caf\u00c3\u00a9', '/x%41y?z']);
    });

    const wrong: readonly [what: string, answer: Answer, message: RegExp][] = [
      [
        'ends in the midst of a file',
        (socket) => socket.end(ok('hello').subarray(0, -1)),
        /the server closed the connection after 4 of 5 bytes/,
      ],
      [
        'breaks off in the midst of a file',
        (socket) => socket.write(ok(Buffer.alloc(MB)).subarray(0, -1), () => socket.resetAndDestroy()),
        /ECONNRESET|after \d+ of 1048576 bytes/,
      ],
      [
        'sends more than it announces',
        (socket) => socket.end(Buffer.concat([ok('hello'), Buffer.from('!')])),
        /more than the 5 bytes it announced came/,
      ],
      ['says nothing', (socket) => socket.end(), /closed the connection before a reply/],
      ['says half a reply', (socket) => socket.end('GETFILE OK'), /before its reply was whole/],
      [
        'speaks HTTP',
        (socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'),
        /this is no GetFile reply: "HTTP/,
      ],
      ['fails', (socket) => socket.end('GETFILE ERROR\r\n\r\n'), /: ERROR$/m],
      ['does not understand', (socket) => socket.end('GETFILE INVALID\r\n\r\n'), /: INVALID$/m],
    ];
    for (const [what, answer, message] of wrong) {
      it(`keeps nothing of one that ${what}`, async () => {
        sandbox.directory.write('out/a.txt', 'from before');
        const run = await against(answer);
        expect(run.code).to.equal(NOT_TRANSFERRED);
        expect(run.err)
          .to.match(/^handover get: \/a\.txt: /)
          .and.to.match(message);
        expect(kept()).to.deep.equal({ 'a.txt': sha256('from before') });
      });
    }

    it('waits no longer than it is told for one that says nothing', async () => {
      const run = await against(
        (socket) => socket.write('GETFILE OK 5\r\n\r\nhel'),
        '/a.txt',
        '--timeout',
        '1',
      );
      expect(run.code).to.equal(NOT_TRANSFERRED);
      expect(run.err).to.equal('handover get: /a.txt: the server said nothing for 1 s\n');
      expect(kept()).to.deep.equal({});
    });

    it('finds out with --verify that a file is not always the same', async () => {
      let count = 0;
      const answer = (socket: net.Socket): void => void socket.end(ok(count++ === 7 ? 'other' : 'these'));
      const run = await against(answer, '/a.txt', '--requests', '20', '--verify');
      expect(run.code).to.equal(NOT_TRANSFERRED);
      expect(run.err).to.equal('handover get: /a.txt: other bytes came than it should have\n');
      expect(run.out).to.match(/^ +4 +20 +1 /m);
    });

    it('finds out with --verify=DIR what is not as it is there, and does not keep it', async () => {
      sandbox.directory.write('mine/a.txt', 'right');
      sandbox.directory.write('mine/b.txt', 'right');
      const answer = (socket: net.Socket, path: string): void =>
        void socket.end(ok(path === '/a.txt' ? 'right' : 'wrong'));
      const run = await against(answer, '/a.txt', '/b.txt', '--verify=mine');
      expect([run.code, run.err]).to.deep.equal([
        NOT_TRANSFERRED,
        'handover get: /b.txt: other bytes came than it should have\n',
      ]);
      expect(kept()).to.deep.equal({ 'a.txt': sha256('right') });
      const missing = await sandbox.run('get', fake!.address, '/c.txt', '--verify=mine');
      expect(missing.code).to.equal(4);
      expect(missing.err).to.match(
        /^handover: --verify=.*mine: \/c\.txt has nothing to be compared with: ENOENT/,
      );
    });

    it('tells of the first failures, and counts the others', async () => {
      const run = await against((socket) => socket.end('GETFILE ERROR\r\n\r\n'), '/a', '--requests', '25');
      expect(run.err.split('\n').filter((line) => line === 'handover get: /a: ERROR')).to.have.lengthOf(10);
      expect(run.err).to.match(/handover get: and 15 more that failed\n$/);
    });

    it('says that nobody is there, and what it cannot read', async () => {
      fake = await GetFileServer.start(() => undefined);
      const { address } = fake;
      fake.close();
      const run = await sandbox.run('get', address, '/a');
      expect([run.code, run.err]).to.deep.equal([
        NOT_TRANSFERRED,
        `handover get: /a: connect ECONNREFUSED ${address}\n`,
      ]);
      const unread = await sandbox.run('get', address, '--workload', 'nothing.txt');
      expect(unread.code).to.equal(4);
      expect(unread.err).to.match(/^handover: --workload=nothing\.txt: ENOENT/);
    });

    it('says what cannot be written, and goes on with the others', async () => {
      sandbox.directory.write('out/a', 'a file');
      const run = await against((socket) => socket.end(ok('x')), '/a/b', '/c');
      expect(run.code).to.equal(NOT_TRANSFERRED);
      expect(run.err).to.match(/^handover get: \/a\/b: (EEXIST|ENOTDIR)/);
      expect(kept()).to.deep.equal({ a: sha256('a file'), c: sha256('x') });
    });
  });
});

function sha256(bytes: string | Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function existsIn(directory: string, name: string): boolean {
  return readdirSync(directory).includes(name);
}
