import { type ChildProcess, type StdioOptions, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { text } from 'node:stream/consumers';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import type { AccessEntry } from '../../../src/worker/access-line.js';
import { AccessLog } from '../../../src/worker/access-log.js';
import type { WriterResult } from '../../helpers/access-log-writer.js';
import { toEntry } from '../../helpers/log-lines.js';

const WRITER = fileURLToPath(new URL('../../helpers/access-log-writer.js', import.meta.url));

function entry(target: string): AccessEntry {
  return toEntry({
    remote: '127.0.0.1',
    method: 'GET',
    target,
    protocol: 'HTTP/1.1',
    status: 200,
    bytes: 1,
    durationUs: 1,
    referer: '',
    userAgent: 'mocha'.repeat(20),
    cache: 'MISS',
  });
}
/** Writers of the current test; none outlives it. */
const started: ChildProcess[] = [];

describe('worker/access-log', () => {
  let directory: string;
  let file: string;
  let log: AccessLog;
  let reports: string[];
  let onReport: (message: string) => void;
  let dropped: number;

  const open = (name: string): AccessLog =>
    new AccessLog({
      file: name,
      format: 'combined',
      report: (message) => {
        reports.push(message);
        onReport(message);
      },
      onDropped: (lines) => {
        dropped += lines;
      },
    });
  const nextReport = (): Promise<string> =>
    new Promise((resolve) => {
      onReport = resolve;
    });
  /** Writes lines `/from` to `/to - 1`, in turns of the loop. */
  const writeLines = async (from: number, to: number): Promise<void> => {
    for (let n = from; n < to; n++) {
      log.write(entry(`/${n}`));
      if (n % 20 === 0) await nextTurn();
    }
  };
  const numbersIn = (...names: string[]): number[] =>
    names
      .flatMap((name) => targetsIn(fs.readFileSync(name, 'latin1')))
      .map((target) => Number(target.slice(1)));
  const upTo = (count: number): number[] => Array.from({ length: count }, (_, n) => n);

  beforeEach(async () => {
    directory = fs.mkdtempSync(path.join(os.tmpdir(), 'access-log-'));
    file = path.join(directory, 'access.log');
    reports = [];
    onReport = () => undefined;
    dropped = 0;
    log = open(file);
    while (!fs.existsSync(file)) await nextTurn();
  });

  afterEach(async () => {
    for (const writer of started.splice(0)) writer.kill('SIGKILL');
    await log.close();
    fs.rmSync(directory, { recursive: true, force: true });
  });

  it('writes what is left when it is closed, and appends to what is there', async () => {
    log.write(entry('/0'));
    await log.close();
    log = open(file);
    log.write(entry('/1'));
    await log.close();
    expect(numbersIn(file)).to.deep.equal([0, 1]);
    expect(reports).to.deep.equal([]);
  });

  it('writes a line by itself after a while', async () => {
    const changed = new Promise((resolve) => {
      const watcher = fs.watch(directory, () => {
        if (fs.statSync(file).size === 0) return;
        watcher.close();
        resolve(true);
      });
    });
    log.write(entry('/0'));
    await changed;
    expect(numbersIn(file)).to.deep.equal([0]);
  });

  it('ignores lines after it is closed', async () => {
    await log.close();
    for (let n = 0; n < 1000; n++) log.write(entry('/late'));
    log.reopen();
    await log.close();
    expect(numbersIn(file)).to.deep.equal([]);
  });

  it('keeps all lines whole when several processes write one file', async () => {
    const writers = ['a', 'b', 'c'].map((name) => startWriter([file, '5000', name]));
    await Promise.all(writers.map((writer) => once(writer, 'message')));
    const results = await Promise.all(writers.map(finishWriter));
    for (const result of results) expect(result).to.deep.equal({ reports: [], dropped: 0 });
    const targets = targetsIn(fs.readFileSync(file, 'latin1'));
    for (const name of ['a', 'b', 'c']) {
      const own = targets.filter((target) => target.startsWith(`/${name}/`));
      expect(own).to.deep.equal(upTo(5000).map((n) => `/${name}/${n}`));
    }
    expect(targets).to.have.length(15_000);
  });

  describe('reopen', () => {
    it('loses no line, and no descriptor, while lines are written', async () => {
      let written = 1000;
      await writeLines(0, written);
      const descriptors = openDescriptors();
      const names: string[] = [];
      for (let turn = 0; turn < 20; turn++) {
        names.push(path.join(directory, `old.${turn}`));
        fs.renameSync(file, names.at(-1)!);
        log.reopen();
        while (!fs.existsSync(file)) {
          log.write(entry(`/${written++}`));
          await nextTurn();
        }
        await writeLines(written, written + 500);
        written += 500;
      }
      await log.close();
      expect(reports).to.deep.equal([]);
      expect(numbersIn(...names, file)).to.deep.equal(upTo(written));
      // One may still be closing.
      expect(openDescriptors()).to.be.at.most(descriptors + 1);
    });

    it('stays with the old file when there can be no new one, and says so', async () => {
      await writeLines(0, 500);
      const old = fs.openSync(file, 'r');
      fs.rmSync(directory, { recursive: true });
      for (let n = 500; n < 503; n++) {
        const reported = nextReport();
        log.reopen();
        expect(await reported).to.match(/cannot be reopened: ENOENT.*the old file is still written/);
        log.write(entry(`/${n}`));
      }
      fs.mkdirSync(directory);
      log.reopen();
      while (!fs.existsSync(file)) await nextTurn();
      await writeLines(503, 1000);
      await log.close();
      const [before, after] = [numbersIn(`/proc/self/fd/${old}`), numbersIn(file)];
      fs.closeSync(old);
      expect([...before, ...after]).to.deep.equal(upTo(1000));
      expect(after).to.have.length.above(0);
      expect(reports).to.have.length(3);
    });

    it('is not forgotten when it comes while the first file is being opened', async () => {
      const link = path.join(directory, 'link.log');
      const [first, second] = [path.join(directory, 'first.log'), path.join(directory, 'second.log')];
      fs.symlinkSync(first, link);
      log = open(link);
      // The loop must not turn before the file is open and the request is made.
      while (!openFiles().includes(first));
      fs.rmSync(link);
      fs.symlinkSync(second, link);
      log.reopen();
      while (!fs.existsSync(second)) await nextTurn();
      log.write(entry('/0'));
      await log.close();
      expect(numbersIn(second)).to.deep.equal([0]);
    });
  });

  describe('a full disk', () => {
    it('is reported once; lines are kept within a bound, then dropped and counted', async () => {
      log = open('/dev/full');
      const reported = nextReport();
      await writeLines(0, 1000);
      expect(await reported).to.match(/^access log \/dev\/full: cannot be written: ENOSPC/);
      await writeLines(1000, 50_000);
      expect(dropped).to.be.within(1, 49_999);
      await log.close();
      expect(reports.slice(1)).to.deep.equal([
        'access log /dev/full: closed before its last lines were written',
      ]);
    });

    it('loses nothing within the bound when there is room again', async () => {
      const link = path.join(directory, 'link.log');
      fs.symlinkSync('/dev/full', link);
      log = open(link);
      const reported = nextReport();
      await writeLines(0, 2000);
      expect(await reported).to.include('ENOSPC');
      fs.rmSync(link);
      const recovered = nextReport();
      log.reopen();
      expect(await recovered).to.equal(`access log ${link}: written again; no line was lost`);
      await writeLines(2000, 2100);
      await log.close();
      expect(numbersIn(link)).to.deep.equal(upTo(2100));
      expect(reports).to.have.length(2);
    });

    it('does not keep a reopen from happening that was asked for during the write', async () => {
      const link = path.join(directory, 'link.log');
      fs.symlinkSync('/dev/full', link);
      log = open(link);
      const failed = nextReport();
      await writeLines(0, 200);
      await failed;
      fs.rmSync(link);
      for (let n = 200; n < 400; n++) log.write(entry(`/${n}`));
      const recovered = nextReport();
      log.reopen();
      expect(await recovered).to.include('written again');
      await log.close();
      expect(numbersIn(link)).to.deep.equal(upTo(400));
    });
  });

  it('begins when the file can be opened, and loses nothing within the bound', async () => {
    const late = path.join(directory, 'late', 'access.log');
    log = open(late);
    const reported = nextReport();
    await writeLines(0, 1000);
    expect(await reported).to.include('cannot be written: ENOENT');
    const recovered = nextReport();
    fs.mkdirSync(path.dirname(late));
    expect(await recovered).to.include('written again; no line was lost');
    await log.close();
    expect(numbersIn(late)).to.deep.equal(upTo(1000));
  });

  it('bounds what it keeps while the file cannot be opened', async () => {
    log = open(path.join(directory, 'missing', 'access.log'));
    await writeLines(0, 60_000);
    expect(dropped).to.be.within(1, 59_999);
    await log.close();
    expect(dropped).to.equal(60_000);
  });

  describe('standard output', () => {
    let fifo: string;

    beforeEach(() => {
      fifo = path.join(directory, 'fifo');
      spawnSync('mkfifo', [fifo]);
    });

    it('gets whole lines through a pipe', async () => {
      // Read in small pieces, so that the pipe is full and takes no large write at once.
      const reader = fs.createReadStream(fifo, { encoding: 'latin1', highWaterMark: 256 });
      const allRead = text(reader);
      const pipe = fs.openSync(fifo, 'r+');
      await once(reader, 'open');
      const writers = ['a', 'b'].map((name) => startWriter(['-', '1000', name], pipe));
      fs.closeSync(pipe);
      await Promise.all(writers.map((writer) => once(writer, 'message')));
      const results = await Promise.all(writers.map(finishWriter));
      expect(results.map((result) => result.dropped)).to.deep.equal([0, 0]);
      expect(targetsIn(await allRead)).to.have.length(2000);
    });

    it('may be a pipe that nobody reads: the process still ends', async () => {
      const stuck = fs.openSync(fifo, 'r+');
      const writer = startWriter(['-', '2000', 'a'], stuck);
      await once(writer, 'message');
      const { reports: told } = await finishWriter(writer);
      fs.closeSync(stuck);
      expect(told).to.deep.equal(['access log (standard output): closed before its last lines were written']);
    });

    it('may be a pipe whose reader is gone: that is reported', async () => {
      const reader = fs.openSync(fifo, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK);
      const pipe = fs.openSync(fifo, 'w');
      const writer = startWriter(['-', '200', 'a'], pipe);
      await once(writer, 'message');
      fs.closeSync(pipe);
      fs.closeSync(reader);
      const { reports: told } = await finishWriter(writer);
      expect(told[0]).to.match(/^access log \(standard output\): cannot be written: EPIPE/);
    });
  });
});

/** The targets of combined lines, in order. Fails when anything is not a whole line. */
function targetsIn(text: string): string[] {
  if (text === '') return [];
  expect(text.endsWith('\n')).to.equal(true);
  return text
    .slice(0, -1)
    .split('\n')
    .map((line) => {
      const target =
        /^127\.0\.0\.1 - - \[[^\]]+\] "GET (\S+) HTTP\/1\.1" 200 \d+ "-" "[^"]*" 0\.00\d \w+$/.exec(
          line,
        )?.[1];
      return target ?? expect.fail(`not a whole line: ${line}`);
    });
}

function startWriter(args: readonly string[], stdout: number | 'ignore' = 'ignore'): ChildProcess {
  const stdio: StdioOptions = ['ignore', stdout, 'inherit', 'ipc'];
  const writer = spawn(process.execPath, [WRITER, ...args], { stdio });
  started.push(writer);
  return writer;
}

/** Lets a writer that is ready do its work. Resolves when the process has ended by itself. */
async function finishWriter(writer: ChildProcess): Promise<WriterResult> {
  const exited = once(writer, 'exit');
  const told = once(writer, 'message');
  writer.send('go');
  const [result] = (await told) as [WriterResult];
  expect(await exited).to.deep.equal([0, null]);
  return result;
}

function openDescriptors(): number {
  return fs.readdirSync('/proc/self/fd').length;
}

function openFiles(): string[] {
  return fs.readdirSync('/proc/self/fd').map((fd) => {
    try {
      return fs.readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      // Closed since the directory was read; the one that read it always is.
      return '';
    }
  });
}
