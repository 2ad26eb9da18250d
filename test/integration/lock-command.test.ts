/** `handover lock` and `handover tokens`, as a shell sees them. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { handover } from '../helpers/command.js';
import type { TestServer } from '../helpers/server.js';
import { put, until, writableServer } from '../helpers/writing.js';

const MAIN = fileURLToPath(new URL('../../src/main.js', import.meta.url));

describe('lock, the command', () => {
  let server: TestServer;
  before(async () => {
    server = await writableServer({ WRITE_TOKEN: 'secret', TOKEN_TTL_SECONDS: '2' });
  });
  after(() => server?.stop());

  const env = { HANDOVER_WRITE_TOKEN: 'secret' };
  const inDirectory = (name: string): string => `${server.directory.path}/${name}`;
  const lock = (...args: string[]) =>
    handover(['lock', '--url', server.origin, ...args], { cwd: server.directory.path, env });
  const node = (code: string): string[] => ['--', process.execPath, '-e', code];

  /** Holds a lock until its standard input ends. */
  async function hold(file: string, ...options: string[]): Promise<ChildProcess> {
    const sign = inDirectory(`held-${Math.random()}`);
    const code = `require('fs').writeFileSync(${JSON.stringify(sign)}, ''); process.stdin.resume()`;
    const child = spawn(
      process.execPath,
      [MAIN, 'lock', '--url', server.origin, file, ...options, ...node(code)],
      {
        env: { PATH: process.env.PATH ?? '', ...env },
        stdio: ['pipe', 'ignore', 'ignore'],
      },
    );
    await until(
      () => existsSync(sign),
      () => 'a lock that is held',
    );
    return child;
  }

  async function release(child: ChildProcess): Promise<number> {
    child.stdin!.end();
    const [code] = (await once(child, 'exit')) as [number];
    return code;
  }

  it('runs the command, tells it of the lock, and exits as it does', async () => {
    const { code, out } = await lock(
      'a.txt',
      ...node(
        'console.log(process.env.HANDOVER_LOCK_FILE, +process.env.HANDOVER_LOCK_FENCE > 0); process.exit(42)',
      ),
    );
    expect(out).to.equal('/a.txt true\n');
    expect(code).to.equal(42);
    expect((await lock('a.txt', ...node('process.kill(process.pid, "SIGKILL")'))).code).to.equal(137);
    expect((await lock('a.txt', '--', './no-such-command')).code).to.equal(127);
  });

  it('lets two commands never run at the same time', async () => {
    const count = inDirectory('count');
    writeFileSync(count, '0');
    const code = `const fs = require('fs'); const n = +fs.readFileSync(${JSON.stringify(count)}, 'utf8');
      setTimeout(() => fs.writeFileSync(${JSON.stringify(count)}, String(n + 1)), 20)`;
    const outcomes = await Promise.all(Array.from({ length: 5 }, () => lock('count', ...node(code))));
    expect(outcomes.map((outcome) => outcome.code)).to.deep.equal([0, 0, 0, 0, 0]);
    expect(readFileSync(count, 'utf8')).to.equal('5');
  });

  it('waits as long as it is told', async () => {
    const holder = await hold('w.txt');
    const { code, err } = await lock('w.txt', '--wait', '0.1', ...node('console.log("ran")'));
    expect(code).to.equal(9);
    expect(err).to.match(/^handover lock: .*w\.txt.*\n$/);
    expect(await release(holder)).to.equal(0);
    expect((await lock('w.txt', '--wait', '20', ...node(''))).code).to.equal(0);
  });

  it('shares what is only read', async () => {
    const holder = await hold('r.txt', '--read');
    expect((await lock('r.txt', '--read', '--wait', '10', ...node(''))).code).to.equal(0);
    expect((await lock('r.txt', '--wait', '0', ...node(''))).code).to.equal(9);
    await release(holder);
  });

  it('ends when it is killed, in its time', async () => {
    const holder = await hold('k.txt');
    holder.kill('SIGKILL');
    expect((await lock('k.txt', ...node(''))).code).to.equal(0);
    holder.stdin!.destroy();
  });

  it('is kept alive for as long as the command runs', async () => {
    const holder = await hold('long.txt');
    expect((await lock('long.txt', '--wait', '3', ...node(''))).code).to.equal(9);
    await release(holder);
  });

  it('is seen by those who write over HTTP, and by handover tokens', async () => {
    const holder = await hold('/seen.txt');
    const shown = await handover(['tokens', '--url', server.origin, '--prefix', '/seen'], { cwd: '/', env });
    expect(shown.code).to.equal(0);
    expect(shown.out).to.match(/\/seen\.txt +lock [0-9a-f]{8} \(.*node.*\) +write +\d+/);
    const json = await handover(['tokens', '--url', server.origin, '--json'], { cwd: '/', env });
    expect(JSON.parse(json.out)).to.have.property('engine', 'embedded');
    const writing = put(server, '/seen.txt', 'x', { Authorization: 'Bearer secret' });
    await release(holder);
    expect((await writing).status).to.equal(201);
  });

  it('says so when it was lost before the command has ended', async () => {
    const { code, err } = await lock(
      'lost.txt',
      ...node(
        `fetch(${JSON.stringify(server.origin)} + '/.handover/locks/' + process.env.HANDOVER_LOCK,
          { method: 'DELETE', headers: { Authorization: 'Bearer secret' } }).then((r) => r.text())`,
      ),
    );
    expect(err).to.match(/^handover lock: the lock is lost/);
    expect(code).to.equal(9);
  });

  it('needs a server that answers', async () => {
    const outcome = await handover(['lock', '--url', 'http://127.0.0.1:1', 'a', '--', 'true'], {
      cwd: '/',
      env,
    });
    expect(outcome.code).to.equal(7);
  });

  for (const [what, args, code] of [
    ['a file', [], 2],
    ['a command', ['a.txt'], 2],
    ['one mode', ['a.txt', '--read', '--write', '--', 'true'], 2],
    ['a number of seconds', ['a.txt', '--wait', 'long', '--', 'true'], 2],
    ['a path that can be', ['../a.txt', '--', 'true'], 7],
    ['the token', ['a.txt', '--token', 'wrong', '--', 'true'], 7],
  ] as const) {
    it(`needs ${what}`, async () => {
      const outcome = await lock(...args);
      expect(outcome.code).to.equal(code);
      expect(outcome.err).to.match(/lock/);
    });
  }
});
