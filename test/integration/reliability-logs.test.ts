/** Log and statistics that cannot be written: serving goes on, it is reported, and no line is lost that could be kept. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { expect } from 'chai';
import { eventually } from '../helpers/eventually.js';
import { type Page, runLoad, startLoad } from '../helpers/load-clients.js';
import { note } from '../helpers/proc.js';
import { TestServer } from '../helpers/server.js';
import { expectExactly } from '../helpers/stats-checks.js';

const LINE = /^127\.0\.0\.1 - - \[[^\]]+\] "GET \/small\.txt HTTP\/1\.1" 200 1000 "/;

const FULL = /cannot write the statistics to .*disk: ENOSPC.*; trying on every 40 ms/;

describe('logs and statistics', () => {
  const pages: Page[] = [{ target: '/small.txt', body: Buffer.alloc(1000, 'small ') }];
  let server: TestServer;
  const start = async (settings: Record<string, string> = {}): Promise<void> => {
    server = await TestServer.start({ settings: { THREADS_PER_WORKER: '1', ...settings } });
    server.site.file('small.txt', pages[0]!.body);
  };
  afterEach(() => server?.stop());

  const serves = async (requests = 40): Promise<void> => {
    const result = await runLoad({ port: server.port, clients: 4, pages, mode: 'keep-alive' }, requests / 4);
    expect(result).to.deep.include({ whole: requests, broken: 0, refused: 0, wrong: [] });
  };
  /** All lines in all logs of a directory. */
  const linesIn = (directory: string): string[] =>
    readdirSync(directory).flatMap((name) => {
      const path = `${directory}/${name}`;
      return name.includes('.log') && statSync(path).isFile()
        ? readFileSync(path, 'latin1').split('\n').slice(0, -1)
        : [];
    });

  it('loses no line while the log is rotated under load', async () => {
    await start();
    const log = server.directory.at('access.log');
    const running = startLoad({ port: server.port, clients: 8, pages, mode: 'keep-alive' });
    for (let round = 1; round <= 5; round++) {
      const { whole } = running.result;
      await eventually(
        () => (running.result.whole > whole + 100 ? true : undefined),
        () => 'some load',
      );
      renameSync(log, `${log}.${round}`);
      server.signal('SIGUSR1');
      await eventually(
        () => (readdirSync(server.directory.path).includes('access.log') ? true : undefined),
        () => 'the new log',
      );
    }
    const result = await running.stop();
    expect(result).to.deep.include({ broken: 0, refused: 0, wrong: [] });
    expectExactly(await server.settled(), result);
    const lines = await eventually(
      () => {
        const all = linesIn(server.directory.path);
        return all.length >= result.whole ? all : undefined;
      },
      () => `${result.whole} lines; there are ${linesIn(server.directory.path).length}`,
    );
    expect(lines.length).to.equal(result.whole);
    expect(lines.filter((line) => !LINE.test(line))).to.deep.equal([]);
    expect(server.stats().log.dropped).to.equal(0);
  });

  it('serves on when the directory of the log is gone, and logs again when it is back', async () => {
    await start({ NUM_WORKERS: '1' });
    const directory = server.directory.at('logs');
    mkdirSync(directory);
    server.configure({ LOG_FILE: `${directory}/access.log` });
    server.signal('SIGHUP');
    await server.statsWhen(({ reloads, workers }) => reloads === 1 && workers.length === 1, 'the reload');
    await serves();
    await server.logLines(40);
    rmSync(directory, { recursive: true });
    server.signal('SIGUSR1');
    await server.reported(/access log .* cannot be reopened: ENOENT/);
    await serves();
    mkdirSync(directory);
    server.signal('SIGUSR1');
    await eventually(
      () => (readdirSync(directory).length > 0 ? true : undefined),
      () => 'the log in the new directory',
    );
    await serves();
    expect((await server.logLines(40)).length).to.equal(40);
    expect((await server.settled()).requests.total).to.equal(120);
  });

  it('serves on when the disk of the log is full, and says so once for each worker', async () => {
    await start({ LOG_FILE: '/dev/full' });
    await serves(200);
    await server.reported(/access log \/dev\/full: cannot be written: ENOSPC/);
    await serves(200);
    expect((await server.settled()).requests.total).to.equal(400);
    const reports = server.reports.match(/cannot be written: ENOSPC/g) ?? [];
    expect(reports.length).to.be.at.most(2);
    await server.stop();
    expect(server.reports).to.match(/closed before its last lines were written/);
  });

  it('serves on when the disk of the statistics is full, and writes them again when it is not', async function () {
    await start();
    const disk = server.directory.at('disk');
    mkdirSync(disk);
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', disk], {
      encoding: 'utf8',
    });
    if (mounted.status !== 0) {
      note(`skipped, for a small disk cannot be mounted: ${mounted.error?.message ?? mounted.stderr.trim()}`);
      this.skip();
    }
    try {
      server.configure({ STATS_FILE: `${disk}/statFile.txt` });
      server.signal('SIGHUP');
      await server.reported(/reloaded/);
      // Again and again: what was full had a temporary file in it, and has room when that is gone.
      await eventually(
        () => {
          fill(`${disk}/filler`);
          return FULL.test(server.reports) ? true : undefined;
        },
        () => `a report of the full disk:\n${server.reports}`,
      );
      await serves();
      rmSync(`${disk}/filler`);
      await server.reported(/the statistics are written again to .*disk/);
      const stats = await server.settled();
      expect(stats.requests.total).to.equal(40);
    } finally {
      spawnSync('umount', ['--lazy', disk]);
    }
  });
});

/** Writes into a file until the disk is full. */
function fill(path: string): void {
  try {
    for (;;) writeFileSync(path, Buffer.alloc(4096), { flag: 'a' });
  } catch (error) {
    expect(error).to.have.property('code', 'ENOSPC');
  }
}
