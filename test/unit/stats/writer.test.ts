import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { expect } from 'chai';
import { buildDocument } from '../../../src/stats/document.js';
import { type Snapshot, StatsWriter, statsPaths } from '../../../src/stats/writer.js';
import { slotWith, statsSample } from '../../helpers/stats-sample.js';

/** So long that no test sees the timer. */
const NEVER_MS = 2 ** 30;

function snapshotOf(requests: number): Snapshot {
  const totals = slotWith({ requests });
  return { document: buildDocument(statsSample({ totals })), totals };
}

describe('stats/writer', () => {
  let directory: string;
  let statFile: string;
  let requests: number;
  let reports: string[];
  let onReport: (message: string) => void;
  let writer: StatsWriter;

  const make = (intervalMs: number, snapshot: () => Snapshot = () => snapshotOf(requests)): StatsWriter =>
    new StatsWriter({
      statFile,
      intervalMs,
      snapshot,
      report: (message) => {
        reports.push(message);
        onReport(message);
      },
    });
  const nextReport = (): Promise<string> =>
    new Promise((resolve) => {
      onReport = resolve;
    });
  const read = (name: string): string => fs.readFileSync(path.join(directory, name), 'utf8');

  beforeEach(() => {
    directory = fs.mkdtempSync(path.join(os.tmpdir(), 'stats-writer-'));
    statFile = path.join(directory, 'statFile.txt');
    requests = 1;
    reports = [];
    onReport = () => undefined;
    writer = make(NEVER_MS);
  });

  afterEach(async () => {
    await writer.close();
    fs.rmSync(directory, { recursive: true, force: true });
  });

  it('writes three files of one moment, and nothing else', async () => {
    await writer.start();
    expect(fs.readdirSync(directory).sort()).to.deep.equal(['metrics.txt', 'statFile.txt', 'stats.json']);
    expect(read('statFile.txt')).to.equal('0,0,0,0,0,1\n');
    expect(JSON.parse(read('stats.json'))).to.deep.equal(snapshotOf(1).document);
    expect(read('metrics.txt')).to.include('# TYPE handover_requests_total counter\n');
    expect(statsPaths(statFile)).to.deep.equal({
      statFile,
      json: path.join(directory, 'stats.json'),
      metrics: path.join(directory, 'metrics.txt'),
    });
  });

  it('lets everybody read them, whatever the umask', async () => {
    const before = process.umask(0o077);
    try {
      await writer.start();
    } finally {
      process.umask(before);
    }
    for (const name of fs.readdirSync(directory)) {
      expect(fs.statSync(path.join(directory, name)).mode & 0o777, name).to.equal(0o644);
    }
  });

  it('replaces a file whole: who has the old one open goes on reading it', async () => {
    await writer.start();
    const old = fs.openSync(statFile, 'r');
    requests = 22;
    await writer.close();
    expect(fs.readFileSync(old, 'utf8')).to.equal('0,0,0,0,0,1\n');
    fs.closeSync(old);
    expect(read('statFile.txt')).to.equal('0,0,0,0,0,22\n');
  });

  it('writes again every interval', async () => {
    let turns = 0;
    const third = new Promise<void>((resolve) => {
      writer = make(1, () => {
        if (++turns === 3) resolve();
        return snapshotOf(turns);
      });
    });
    await writer.start();
    await third;
    await writer.close();
    expect(read('statFile.txt')).to.equal(`0,0,0,0,0,${turns}\n`);
  });

  it('never writes twice at once', async () => {
    await Promise.all([writer.start(), writer.close(), writer.close()]);
    expect(reports).to.deep.equal([]);
    expect(fs.readdirSync(directory)).to.have.length(3);
  });

  it('removes what a crashed server left, and nothing else', async () => {
    const { pid: dead } = spawnSync(process.execPath, ['--version']);
    const gone = [`.statFile.txt.${dead}.tmp`, `.stats.json.${process.pid}.tmp`];
    const kept = [`.metrics.txt.${process.ppid}.tmp`, '.statFile.txt.x.tmp', `.other.${dead}.tmp`];
    for (const name of [...gone, ...kept]) fs.writeFileSync(path.join(directory, name), '');
    await writer.start();
    expect(fs.readdirSync(directory)).to.include.members(kept);
    expect(fs.readdirSync(directory)).to.not.include.members(gone);
  });

  it('reports a directory that is gone once, and once more when it is back', async () => {
    fs.rmdirSync(directory);
    writer = make(1);
    const failed = nextReport();
    await writer.start();
    expect(await failed).to.match(/^cannot write the statistics to .*ENOENT.* trying on every 1 ms$/);
    const recovered = nextReport();
    fs.mkdirSync(directory);
    expect(await recovered).to.equal(`the statistics are written again to ${directory}`);
    await writer.close();
    expect(reports).to.have.length(2);
    expect(fs.readdirSync(directory)).to.have.length(3);
  });

  it('leaves nothing behind by a write that fails', async () => {
    fs.mkdirSync(path.join(directory, 'stats.json'));
    await writer.start();
    expect(reports).to.have.length(1);
    expect(fs.readdirSync(directory)).to.deep.equal(['stats.json']);
  });

  it('survives what an earlier failure could not remove', async () => {
    fs.mkdirSync(path.join(directory, 'stats.json'));
    await writer.start();
    fs.rmdirSync(path.join(directory, 'stats.json'));
    fs.writeFileSync(path.join(directory, `.stats.json.${process.pid}.tmp`), 'half');
    await writer.close();
    expect(reports).to.have.length(2);
    expect(JSON.parse(read('stats.json'))).to.include({ version: 1 });
  });

  it('reports a snapshot that throws', async () => {
    writer = make(NEVER_MS, () => {
      throw new Error('no numbers today');
    });
    await writer.start();
    expect(reports.join()).to.include('no numbers today');
  });

  it('does not follow a symbolic link that stands where the temporary file is to be', async () => {
    await writer.start();
    const victim = path.join(directory, 'victim');
    fs.writeFileSync(victim, 'precious');
    fs.symlinkSync(victim, path.join(directory, `.statFile.txt.${process.pid}.tmp`));
    await writer.close();
    expect(read('victim')).to.equal('precious');
    expect(reports).to.have.length(1);
  });
});
