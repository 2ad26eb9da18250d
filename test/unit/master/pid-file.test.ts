import { once } from 'node:events';
import { chmodSync, lstatSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { EXIT, HandoverError } from '../../../src/errors.js';
import {
  defaultPidFile,
  isLive,
  liveServer,
  liveServerOn,
  liveServers,
  readPidFile,
  removePidFile,
  serverName,
  shownName,
  writePidFile,
} from '../../../src/master/pid-file.js';
import { runtimeDir, runtimeDirCandidates } from '../../../src/master/runtime-dir.js';
import { isRunning, startTicks } from '../../../src/posix/process-info.js';
import { TestDirectory } from '../../helpers/directory.js';
import { Processes } from '../../helpers/processes.js';

/** Above every pid that a kernel gives out. */
const NOBODY = 2 ** 22 + 1;

function failure(act: () => void): HandoverError {
  try {
    act();
  } catch (error) {
    if (error instanceof HandoverError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('master/pid-file', () => {
  const processes = new Processes();
  let directory: TestDirectory;
  let session: string | undefined;
  beforeEach(() => {
    directory = new TestDirectory();
    session = process.env.XDG_RUNTIME_DIR;
    process.env.XDG_RUNTIME_DIR = directory.path;
  });
  afterEach(async () => {
    if (session === undefined) delete process.env.XDG_RUNTIME_DIR;
    else process.env.XDG_RUNTIME_DIR = session;
    await processes.end();
    directory.remove();
  });

  const startFake = (pidFile: string) => processes.start('fake-server.js', [pidFile, '/run/stats.json']);

  it('names this process and its statistics, for everybody to read', () => {
    const path = directory.at('a.pid');
    writePidFile(path, '/run/stats.json');
    expect(readFileSync(path, 'utf8').split('\n').slice(0, 2)).to.deep.equal([
      String(process.pid),
      '/run/stats.json',
    ]);
    expect(lstatSync(path).mode & 0o777).to.equal(0o644);
    expect(liveServer(path)).to.include({ pid: process.pid, statsFile: '/run/stats.json', pidFile: path });
    expect(readdirSync(directory.path)).to.deep.equal(['a.pid']);
  });

  it('may be written again by its own process', () => {
    const path = directory.at('a.pid');
    writePidFile(path, '/one');
    writePidFile(path, '/two');
    expect(readPidFile(path)?.statsFile).to.equal('/two');
  });

  it('refuses while another server lives, and names it', async () => {
    const path = directory.at('a.pid');
    const { pid } = await startFake(path);
    const error = failure(() => writePidFile(path, '/mine'));
    expect(error.message).to.match(new RegExp(`already running \\(pid ${pid}\\)`));
    expect(error.exitCode).to.equal(EXIT.cannotListen);
    expect(readPidFile(path)?.pid).to.equal(pid);
    expect(readdirSync(directory.path)).to.deep.equal(['a.pid']);
  });

  it('replaces the file of a server that was killed', async () => {
    const path = directory.at('a.pid');
    const child = await startFake(path);
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
    expect(liveServer(path)).to.equal(undefined);
    writePidFile(path, '/mine');
    expect(readPidFile(path)?.pid).to.equal(process.pid);
  });

  it('is stale when a later process has got its id', function () {
    if (startTicks(process.pid) === undefined) this.skip();
    const path = directory.write('a.pid', `${process.ppid}\n/x\n1\n`);
    expect(isRunning(process.ppid)).to.equal(true);
    expect(liveServer(path)).to.equal(undefined);
    writePidFile(path, '/mine');
    expect(readPidFile(path)?.pid).to.equal(process.pid);
  });

  it('counts a process as dead that has ended and was not waited for', async function () {
    if (process.platform !== 'linux') this.skip();
    const child = await processes.start('zombie.js', []);
    const [zombie] = await once(child, 'message');
    expect(isRunning(Number(zombie))).to.equal(false);
  });

  it('believes a file without start time while the process runs', () => {
    expect(isLive({ pid: process.pid, statsFile: '', startTicks: undefined })).to.equal(true);
    expect(isLive({ pid: NOBODY, statsFile: '', startTicks: undefined })).to.equal(false);
  });

  for (const content of ['', 'nonsense', '-1\n/x', '0\n/x', '12 \n/x', `${process.pid}x\n/x`]) {
    it(`takes ${JSON.stringify(content)} for no server`, () => {
      expect(readPidFile(directory.write('a.pid', content))).to.equal(undefined);
    });
  }

  it('does not overwrite what is no pid file', () => {
    const path = directory.write('index.html', '<p>dear</p>');
    expect(failure(() => writePidFile(path, '/mine')).message).to.match(/is no pid file/);
    expect(readFileSync(path, 'utf8')).to.equal('<p>dear</p>');
  });

  it('says that its directory is missing', () => {
    const error = failure(() => writePidFile(directory.at('no/a.pid'), '/mine'));
    expect(error).to.include({ exitCode: EXIT.cannotRead });
    expect(error.message).to.match(/there is no directory .*\/no$/);
  });

  it('is removed by its own process only', () => {
    const mine = directory.at('mine.pid');
    writePidFile(mine, '/x');
    const other = directory.write('other.pid', `${NOBODY}\n/x\n`);
    for (const path of [mine, other, directory.at('none.pid')]) removePidFile(path);
    expect(readdirSync(directory.path)).to.deep.equal(['other.pid']);
  });

  it('lists the servers that run, by port', async () => {
    const first = await startFake(defaultPidFile(10_000));
    writePidFile(defaultPidFile(900), '/x');
    directory.write('handover/901.pid', `${NOBODY}\n/x\n`);
    directory.write('handover/notes.txt', `${process.pid}\n/x\n`);
    const ours = liveServers().filter(({ pidFile }) => pidFile.startsWith(directory.path));
    expect(ours.map(({ pid }) => pid)).to.deep.equal([process.pid, first.pid]);
    expect(liveServerOn(10_000)?.pid).to.equal(first.pid);
    expect(liveServerOn(901)).to.equal(undefined);
  });

  it('knows a server by its port, or by the path of its socket', () => {
    expect(serverName('127.0.0.1', 8080)).to.equal('8080');
    const name = serverName('unix:/run/100%/a-b.sock', 0);
    expect(name).to.equal('unix:%2Frun%2F100%25%2Fa-b.sock');
    expect(shownName(`/x/${name}.pid`)).to.equal('unix:/run/100%/a-b.sock');
    writePidFile(defaultPidFile(name), '/x');
    expect(liveServerOn(name)?.pid).to.equal(process.pid);
    expect(liveServers().some(({ pidFile }) => pidFile === defaultPidFile(name))).to.equal(true);
  });

  describe('the run-time directory', () => {
    const env = () => ({ XDG_RUNTIME_DIR: directory.path });

    it('is made for us alone', () => {
      const path = runtimeDir(env());
      expect(path).to.equal(directory.at('handover'));
      expect(lstatSync(path).mode & 0o777).to.equal(0o700);
    });

    it('is closed to others when it was open', () => {
      mkdirSync(directory.at('handover'));
      chmodSync(directory.at('handover'), 0o777);
      expect(lstatSync(runtimeDir(env())).mode & 0o777).to.equal(0o700);
    });

    it('is refused when it is a link or a file', () => {
      directory.write('elsewhere/', '');
      symlinkSync('elsewhere', directory.at('handover'));
      expect(failure(() => runtimeDir(env())).message).to.match(/not a directory of this user/);
      const other = new TestDirectory({ handover: 'a file' });
      expect(failure(() => runtimeDir({ XDG_RUNTIME_DIR: other.path })).code).to.equal('RUNTIME_DIR');
      other.remove();
    });

    it('is below the directory for temporary files when there is no session', () => {
      for (const value of [undefined, '', directory.at('none')]) {
        const [only = '', ...others] = runtimeDirCandidates({ XDG_RUNTIME_DIR: value });
        expect(others).to.deep.equal([]);
        expect(only).to.match(/handover-\w+$/);
      }
      expect(runtimeDirCandidates(env())).to.have.lengthOf(2);
    });

    it('names the pid file after the port', () => {
      expect(defaultPidFile(3000)).to.equal(join(directory.path, 'handover', '3000.pid'));
    });
  });
});
