/** The command as a user has it: starting servers, finding them again, and what is said when that cannot be. */
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import type { StatsDocument } from '../../src/stats/schema.js';
import { within } from '../helpers/eventually.js';
import { childrenOf, note } from '../helpers/proc.js';
import { Sandbox } from '../helpers/sandbox.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

/** On the loopback, and of this process only: no other test has the default port there. */
const OWN_ADDRESS = `127.${128 + ((process.pid >> 16) & 127)}.${(process.pid >> 8) & 255}.${process.pid & 255}`;

describe('the command', () => {
  let sandbox: Sandbox;
  beforeEach(() => {
    sandbox = new Sandbox();
    writeFileSync(`${sandbox.site}/index.html`, '<h1>here</h1>');
  });
  afterEach(() => sandbox.end());

  const fetchText = async (port: number, path: string): Promise<[status: number, text: string]> => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`);
    return [response.status, await response.text()];
  };

  describe('handover DIR', () => {
    it('serves a directory with its dashboard, and writes nothing into it', async () => {
      const began = performance.now();
      const server = await sandbox.serve();
      note(`ready after ${Math.round(performance.now() - began)} ms`);
      expect(await fetchText(server.port, '/')).to.deep.equal([200, '<h1>here</h1>']);
      const [status, page] = await fetchText(server.port, '/statsPage.html');
      expect(status).to.equal(200);
      expect(page).to.match(/<title>/);
      const [, json] = await fetchText(server.port, '/stats.json');
      expect(JSON.parse(json)).to.have.nested.property('master.pid', server.pid);
      expect((await fetchText(server.port, '/statFile.txt'))[1]).to.match(/^\d+(,\d+){5}\n?$/);
      expect((await fetchText(server.port, '/metrics'))[1]).to.match(/^# HELP /);
      server.child.kill('SIGTERM');
      expect(await server.ended).to.deep.equal({ code: 0, signal: null });
      expect(readdirSync(sandbox.site)).to.deep.equal(['index.html']);
      expect(sandbox.leftovers).to.deep.equal([]);
      expect(readdirSync(sandbox.directory.path).sort()).to.deep.equal(['run', 'site', 'tmp']);
    });

    it('takes the next free port when the default one is taken, and says who has it', async () => {
      const other = await occupy(3000, OWN_ADDRESS);
      try {
        const server = sandbox.spawn([sandbox.site, '--host', OWN_ADDRESS, '--num-workers', '1']);
        const port = await server.ready();
        expect(port).to.be.within(3001, 3020);
        const [, pid] = /port 3000 is taken by .* \(pid (\d+)\), using (\d+)/.exec(server.out) ?? [];
        if (other !== undefined) expect(Number(pid)).to.equal(process.pid);
        expect(server.out).to.match(new RegExp(`port 3000 is taken by .* \\(pid \\d+\\), using ${port}`));
        expect((await fetch(`http://${OWN_ADDRESS}:${port}/`)).status).to.equal(200);
        server.child.kill('SIGINT');
        expect(await server.ended).to.deep.equal({ code: 0, signal: null });
      } finally {
        other?.close();
      }
    });

    it('refuses a port that was asked for and is taken, and says who has it: exit code 3', async () => {
      const first = await sandbox.serve();
      const port = String(first.port);
      const args = [sandbox.site, '--host', '127.0.0.1', '--port', port];
      const again = await sandbox.run(...args);
      expect(again).to.deep.include({ code: 3, out: '' });
      expect(again.err).to.equal(
        `handover: port ${port} is taken by another handover (pid ${first.pid}); handover stop --port ${port} ends it\n`,
      );
      // The one that runs is none the worse for it.
      expect((await fetchText(first.port, '/stats.json'))[0]).to.equal(200);
      expect((await sandbox.run('status', '--port', port)).code).to.equal(0);

      const other = await occupy(0);
      const taken = (other!.address() as net.AddressInfo).port;
      try {
        const refused = await sandbox.run(sandbox.site, '--host', '127.0.0.1', '--port', String(taken));
        expect(refused.code).to.equal(3);
        expect(refused.err).to.match(new RegExp(`port ${taken} is taken by .*\\(pid ${process.pid}\\)`));
      } finally {
        other?.close();
      }
    });

    it('leaves alone what belongs to a server on the same port of another address', async () => {
      const first = await sandbox.serve();
      const second = await sandbox.run(sandbox.site, '--host', '127.0.0.2', '--port', String(first.port));
      expect(second.code).to.equal(3);
      expect(second.err).to.match(/handover is already running \(pid \d+\)/);
      expect((await fetchText(first.port, '/stats.json'))[0]).to.equal(200);
      expect((await sandbox.run('status')).code).to.equal(0);
    });

    it('refuses a directory that is not there, and says which is: exit code 4', async () => {
      const { code, out, err } = await sandbox.run('sit', '--port', '0');
      expect({ code, out }).to.deep.equal({ code: 4, out: '' });
      expect(err)
        .to.match(/no such directory/)
        .and.to.match(/did you mean site\?/);
      expect(sandbox.leftovers).to.deep.equal([]);
    });

    it('refuses settings with mistakes, and names each: exit code 1', async () => {
      const conf = sandbox.directory.write('bad.conf', 'PORT=80000\nNUM_WROKERS=2\nDOCUMENT_ROOT=site\n');
      const { code, err } = await sandbox.run('--config', conf);
      expect(code).to.equal(1);
      expect(err)
        .to.match(/bad\.conf:1: PORT.*80000/)
        .and.to.match(/bad\.conf:2: NUM_WROKERS.*NUM_WORKERS/);
      expect(sandbox.leftovers).to.deep.equal([]);
    });

    it('ends with the reason when a worker cannot start: exit code 5', async () => {
      // A directory that only the process of this number sees there: the master, and no worker.
      const args = ['--host', '127.0.0.1', '--port', '0', '--num-workers', '2'];
      const server = sandbox.spawn(args, ['sh', '-c', 'exec "$@" /proc/self/task/$$', 'sh']);
      expect(await within(server.ended, () => server.err)).to.deep.equal({ code: 5, signal: null });
      expect(server.err).to.match(/^handover: worker \d cannot start: ENOENT.*task/);
      expect(server.err.split('\n').length, 'one line').to.equal(2);
      expect(server.isAlive).to.equal(false);
      expect(sandbox.leftovers).to.deep.equal([]);
    });

    it('ends in order when no worker is left and none can start again: exit code 5', async () => {
      const server = await sandbox.serve();
      rmSync(sandbox.site, { recursive: true });
      for (const pid of childrenOf(server.pid)) process.kill(pid, 'SIGKILL');
      expect(await within(server.ended, () => server.err)).to.deep.equal({ code: 5, signal: null });
      expect(server.err).to.match(/worker \d \(pid \d+\) ended by SIGKILL; another starts now/);
      expect(server.err).to.match(/worker \d cannot start: ENOENT/);
      expect(server.isAlive).to.equal(false);
      expect(sandbox.leftovers).to.deep.equal([]);
    });
  });

  describe('a server that runs', () => {
    it('is found, asked, told to reload and stopped', async () => {
      const conf = sandbox.directory.write('server.conf', settings('HOST=127.0.0.1', 'PORT=0'));
      const server = sandbox.spawn(['--config', conf]);
      const port = String(await server.ready());

      const status = await sandbox.run('status');
      expect(status).to.deep.include({ code: 0, err: '' });
      expect(status.out).to.include(String(server.pid));
      const json = await sandbox.run('status', '--json', '--port', port);
      const stats = JSON.parse(json.out) as StatsDocument;
      expect(stats).to.have.nested.property('master.pid', server.pid);
      expect(stats.workers).to.have.length(2);

      writeFileSync(conf, settings('HOST=127.0.0.1', 'PORT=0', 'HEADERS=/** X-Reloaded: yes'));
      const reload = await sandbox.run('reload', '--port', port);
      expect(reload).to.deep.include({ code: 0, err: '' });
      expect(reload.out).to.match(/has reloaded/);
      await server.reported(/reloaded: 2 new workers.*HEADERS/);
      const response = await fetch(`http://127.0.0.1:${port}/`);
      expect(response.headers.get('x-reloaded')).to.equal('yes');
      await response.arrayBuffer();

      writeFileSync(conf, settings('HOST=127.0.0.1', 'PORT=0', 'HEADERS=nonsense'));
      const refused = await sandbox.run('reload', '--port', port);
      expect(refused).to.deep.include({ code: 1, out: '' });
      expect(refused.err).to.match(/goes on with the old settings/);
      await server.reported(/HEADERS=nonsense/);
      const after = await sandbox.run('status', '--json', '--port', port);
      expect(JSON.parse(after.out)).to.deep.include({ reloads: 1, reloadsFailed: 1 });

      const stop = await sandbox.run('stop');
      expect(stop.code).to.equal(0);
      expect(stop.out).to.match(/\nstopped\n$/);
      expect(await server.ended).to.deep.equal({ code: 0, signal: null });
      expect(sandbox.leftovers).to.deep.equal([]);
      for (const command of ['status', 'reload', 'stop']) {
        const { code, err } = await sandbox.run(command);
        expect(code).to.equal(6);
        expect(err).to.match(/no handover is running/);
      }
    });

    it('is followed to another port when it is told to reload', async () => {
      const conf = sandbox.directory.write('server.conf', settings('HOST=127.0.0.1', 'PORT=0'));
      const server = sandbox.spawn(['--config', conf]);
      const port = await server.ready();
      const free = await occupy(0);
      const other = (free!.address() as net.AddressInfo).port;
      free!.close();
      writeFileSync(conf, settings('HOST=127.0.0.1', `PORT=${other}`));
      expect((await sandbox.run('reload', '--port', String(port))).code).to.equal(0);
      expect((await fetchText(other, '/'))[0]).to.equal(200);
      expect((await sandbox.run('status', '--port', String(other))).code).to.equal(0);
    });

    it('is followed to other statistics, whatever its pid file is called', async () => {
      const lines = (pid: string, stats: string): string =>
        settings('HOST=127.0.0.1', 'PORT=0', `PID_FILE=${pid}`, `STATS_FILE=${stats}`);
      const conf = sandbox.directory.write('server.conf', lines('own.pid', 'a.txt'));
      const server = sandbox.spawn(['--config', conf]);
      await server.ready();
      mkdirSync(sandbox.directory.at('moved'));
      writeFileSync(conf, lines('own.pid', 'moved/a.txt'));
      expect((await sandbox.run('reload')).code).to.equal(0);
      mkdirSync(sandbox.directory.at('again'));
      writeFileSync(conf, lines('other.pid', 'again/a.txt'));
      expect((await sandbox.run('reload', '--pid-file', 'own.pid')).code, 'pid file and statistics').to.equal(
        0,
      );
      writeFileSync(conf, lines('other.pid', 'moved/a.txt'));
      expect((await sandbox.run('reload')).code).to.equal(0);
      // The server writes into it until the moment it is gone.
      // At once: what is emptied first, a server that writes there fills again.
      renameSync(sandbox.directory.at('moved'), sandbox.directory.at('removed'));
      rmSync(sandbox.directory.at('removed'), { recursive: true });
      const blind = await sandbox.run('reload');
      expect(blind.code).to.equal(4);
      expect(blind.err).to.match(/was told to reload; what came of it only its output says: .*no such file/);
    });

    it('shares its statistics file with no other: exit code 3', async () => {
      const stats = sandbox.directory.at('statFile.txt');
      const args = [sandbox.site, '--host', '127.0.0.1', '--port', '0', '--stats-file', stats];
      const first = sandbox.spawn(args);
      await first.ready();
      const second = await sandbox.run(...args);
      expect(second).to.deep.include({ code: 3, out: '' });
      expect(second.err).to.equal(
        `handover: STATS_FILE: ${stats} is written by another handover (pid ${first.pid}); name another\n`,
      );
      expect(JSON.parse((await sandbox.run('status', '--json')).out)).to.have.nested.property(
        'master.pid',
        first.pid,
      );
      // What a killed server has left belongs to nobody.
      first.child.kill('SIGKILL');
      await first.ended;
      await sandbox.spawn(args).ready();
    });

    it('is not ended by signals that mean nothing to it', async () => {
      const server = await sandbox.serve();
      server.child.kill('SIGUSR2');
      server.child.kill('SIGPIPE');
      expect((await sandbox.run('reload')).code).to.equal(0);
      expect((await fetchText(server.port, '/'))[0]).to.equal(200);
    });

    it('is told from another one by its port', async () => {
      const [first, second] = [await sandbox.serve(), await sandbox.serve()];
      const which = await sandbox.run('stop');
      expect(which.code).to.equal(6);
      expect(which.err).to.match(/several servers run, on ports/);
      expect((await sandbox.run('stop', '--port', String(second.port))).code).to.equal(0);
      expect((await sandbox.run('status', '--json')).out).to.include(`"pid": ${first.pid}`);
      expect((await sandbox.run('stop')).code).to.equal(0);
    });
  });

  it('runs as it is packed, with nothing that was left lying about', async () => {
    const left = join(ROOT, 'www/statFile.txt');
    const wasThere = existsSync(left);
    if (!wasThere) writeFileSync(left, '');
    try {
      const pack = ['pack', '--ignore-scripts', '--pack-destination', sandbox.directory.path];
      execFileSync('npm', pack, { cwd: ROOT, stdio: 'pipe' });
    } finally {
      if (!wasThere) rmSync(left);
    }
    const [tarball = ''] = readdirSync(sandbox.directory.path).filter((name) => name.endsWith('.tgz'));
    execFileSync('tar', ['-xzf', tarball], { cwd: sandbox.directory.path });
    const path = sandbox.directory.at('package');
    const top = [
      'CHANGELOG.md',
      'LICENSE',
      'README.md',
      'dist',
      'docs',
      'package.json',
      'server.conf',
      'www',
    ];
    expect(readdirSync(path).sort()).to.deep.equal(top);
    expect(readdirSync(join(path, 'dist'))).to.deep.equal(['src']);
    expect(readdirSync(join(path, 'www')))
      .to.include('statsPage.html')
      .and.to.not.include('statFile.txt');
    symlinkSync(join(ROOT, 'node_modules'), join(path, 'node_modules'));

    const args = [sandbox.site, '--host', '127.0.0.1', '--port', '0'];
    const server = sandbox.spawn(args, [], join(path, 'dist/src/main.js'));
    await server.ready();
    expect(await fetchText(server.port, '/')).to.deep.equal([200, '<h1>here</h1>']);
    expect((await fetchText(server.port, '/statsPage.html'))[0]).to.equal(200);
  });

  it('prints settings that `check` accepts, and that are the same again', async () => {
    const conf = sandbox.directory.write(
      'server.conf',
      settings(
        'PORT=8123',
        'AUTOINDEX=on',
        'HEADERS=/** X-A: "b, c"; d=e',
        'CACHE_CONTROL=/a/*.js public, max-age=60',
        'ERROR_PAGE=404 /lost.html',
        'ERROR_PAGE=500 503 /sorry.html',
        'LOG_FILE=off',
      ),
    );
    expect(await sandbox.run('check', conf)).to.deep.include({ code: 0, err: '' });
    const printed = await sandbox.run('--config', conf, '--print-config');
    expect(printed).to.deep.include({ code: 0, err: '' });
    const copy = sandbox.directory.write('printed.conf', printed.out);
    expect(await sandbox.run('check', copy)).to.deep.include({ code: 0, err: '' });
    const again = await sandbox.run('--config', copy, '--print-config');
    const values = (text: string): string[] => text.split('\n').map((line) => line.replace(/\s+# .*$/, ''));
    expect(values(again.out)).to.deep.equal(values(printed.out));
    expect(readFileSync(copy, 'utf8')).to.match(/^PORT=8123/m);
  });

  const settings = (...lines: string[]): string =>
    [
      `DOCUMENT_ROOT=${sandbox.site}`,
      'NUM_WORKERS=2',
      'THREADS_PER_WORKER=1',
      'STATS_INTERVAL_MS=20',
      ...lines,
      '',
    ].join('\n');
});

/** Listens on a port; undefined when somebody else does already. */
async function occupy(port: number, address = '127.0.0.1'): Promise<net.Server | undefined> {
  const server = net.createServer((socket) => socket.destroy());
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(undefined);
      else reject(error);
    });
    server.listen(port, address, () => resolve(server));
  });
}
