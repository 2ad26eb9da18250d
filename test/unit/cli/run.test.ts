/** The command as users call it: a process with arguments, output and an exit code. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { parseCommandLine } from '../../../src/cli/command-line.js';
import { stop } from '../../../src/cli/control.js';
import { EXIT } from '../../../src/errors.js';
import { handover } from '../../helpers/command.js';
import { TestDirectory } from '../../helpers/directory.js';
import { Processes } from '../../helpers/processes.js';
import { statsDocument } from '../../helpers/stats-document.js';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));

describe('cli', () => {
  const processes = new Processes();
  let directory: TestDirectory;
  beforeEach(() => {
    directory = new TestDirectory({ 'www/index.html': 'hello', 'run/handover/': '' });
  });
  afterEach(async () => {
    await processes.end();
    directory.remove();
  });

  const call = (...args: string[]) => handover(args, { cwd: directory.path, env: environment() });
  const environment = () => ({ XDG_RUNTIME_DIR: directory.at('run'), TMPDIR: directory.at('run') });

  describe('in general', () => {
    it('prints its version', async () => {
      const { version } = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8'));
      expect(await call('--version')).to.deep.equal({ code: EXIT.ok, out: `handover ${version}\n`, err: '' });
    });

    it('prints its help, even when something else is wrong', async () => {
      const { code, out, err } = await call('--nonsense', '--help');
      expect({ code, err }).to.deep.equal({ code: EXIT.ok, err: '' });
      expect(out).to.match(/^handover \d.*\n\nUsage\n/);
    });

    it('refuses an unknown option with a suggestion', async () => {
      const { code, out, err } = await call('--num-worker', '4');
      expect({ code, out }).to.deep.equal({ code: EXIT.usage, out: '' });
      expect(err).to.match(/^command line: --num-worker: unknown option; did you mean --num-workers\?\n/);
    });
  });

  describe('serve', () => {
    it('says that a value of the command line is wrong', async () => {
      const { code, err } = await call('www', '--port', 'http');
      expect(code).to.equal(EXIT.usage);
      expect(err).to.equal('command line: --port=http: must be a whole number from 0 to 65535\n');
    });

    it('says that the configuration is wrong', async () => {
      directory.write('server.conf', 'NUM_WORKER=4\n');
      const { code, err } = await call();
      expect(code).to.equal(EXIT.badConfig);
      expect(err).to.equal('server.conf:1: NUM_WORKER=4: unknown key; did you mean NUM_WORKERS?\n');
    });

    it('says that the configuration is missing', async () => {
      const { code, err } = await call('--config', 'no.conf');
      expect({ code, err }).to.deep.equal({ code: EXIT.cannotRead, err: 'no.conf: no such file\n' });
    });

    it('says that the directory is missing', async () => {
      const { code, err } = await call('wwww');
      expect(code).to.equal(EXIT.cannotRead);
      expect(err).to.equal('command line: DIR=wwww: no such directory; did you mean www?\n');
    });

    it('takes a word that is nearly a command for one', async () => {
      expect((await call('staus')).err).to.match(/no such directory; did you mean the command status\?/);
    });

    it('prints the settings in effect', async () => {
      directory.write('server.conf', 'PORT=8080\n');
      const { code, out, err } = await call('--print-config', '--host', '::1');
      expect({ code, err }).to.deep.equal({ code: EXIT.ok, err: '' });
      expect(out)
        .to.match(/^PORT=8080 +# server\.conf:1$/m)
        .and.to.match(/^HOST=::1 +# command line --host$/m);
      expect(out).to.include(`DOCUMENT_ROOT=${directory.at('www')}\n`);
    });

    it('does not read ./server.conf when a directory is named', async () => {
      directory.write('server.conf', 'NONSENSE\n');
      expect((await call('www', '--print-config')).code).to.equal(EXIT.ok);
    });

    it('lets the environment win over the file', async () => {
      directory.write('server.conf', 'PORT=8080\n');
      const env = { ...environment(), HANDOVER_PORT: '8081' };
      const { out } = await handover(['--print-config'], { cwd: directory.path, env });
      expect(out).to.match(/^PORT=8081 +# environment HANDOVER_PORT$/m);
    });
  });

  describe('check', () => {
    it('passes the configuration that is shipped', async () => {
      const { code, out, err } = await handover(['check'], { cwd: ROOT });
      expect({ code, err }).to.deep.equal({ code: EXIT.ok, err: '' });
      expect(out).to.match(/^server\.conf: ok\n/);
    });

    it('reports every mistake on a line of its own', async () => {
      directory.write(
        'etc/a.conf',
        'PORT=http\n\nDOCUMENT_ROOT=../www\nAUTOINDEX = maybe # ?\nNUM_WORKER=4\n',
      );
      const { code, out, err } = await call('check', 'etc/a.conf');
      expect({ code, out }).to.deep.equal({ code: EXIT.badConfig, out: '' });
      expect(err.trim().split('\n')).to.deep.equal([
        'etc/a.conf:1: PORT=http: must be a whole number from 0 to 65535',
        'etc/a.conf:4: AUTOINDEX=maybe: must be on or off',
        'etc/a.conf:5: NUM_WORKER=4: unknown key; did you mean NUM_WORKERS?',
        'etc/a.conf: 3 mistakes',
      ]);
    });

    it('exits with 1 whatever is wrong', async () => {
      for (const args of [['check'], ['check', 'no.conf'], ['check', 'www']]) {
        expect((await call(...args)).code, args.join(' ')).to.equal(EXIT.badConfig);
      }
    });
  });

  describe('stop, reload, status', () => {
    const startOn = async (port: number, manner = '') => {
      const pidFile = directory.at(`run/handover/${port}.pid`);
      return await processes.start('fake-server.js', [pidFile, directory.at(`run/${port}.json`), manner]);
    };

    it('finds nothing when nothing runs', async () => {
      for (const command of ['stop', 'reload', 'status']) {
        const outcome = await call(command);
        expect(outcome).to.deep.equal({
          code: EXIT.notRunning,
          out: '',
          err: 'handover: no handover is running\n',
        });
      }
      expect((await call('stop', '--port', '8080')).err).to.equal(
        'handover: no handover is running on port 8080\n',
      );
    });

    it('stops the only server, and waits for its end', async () => {
      const server = await startOn(4001);
      const exited = once(server, 'exit');
      const { code, out } = await call('stop');
      expect(code).to.equal(EXIT.ok);
      expect(out).to.equal(`stopping handover (pid ${server.pid}); responses in flight have 30 s\nstopped\n`);
      expect(await exited).to.deep.equal([0, null]);
    });

    it('asks which when there are several', async () => {
      const [first, second] = [await startOn(4001), await startOn(4002)];
      const { code, err } = await call('stop');
      expect(code).to.equal(EXIT.notRunning);
      expect(err).to.include(
        `on ports 4001 (pid ${first.pid}), 4002 (pid ${second.pid}): choose with --port`,
      );
      const exited = once(second, 'exit');
      expect((await call('stop', '--port', '4002')).code).to.equal(EXIT.ok);
      await exited;
      expect(first.exitCode).to.equal(null);
    });

    it('takes the one that ./server.conf names', async () => {
      const [first, second] = [await startOn(4001), await startOn(4002)];
      directory.write('server.conf', 'PORT=4002\nDOCUMENT_ROOT=./gone\n');
      const exited = once(second, 'exit');
      expect((await call('stop')).code).to.equal(EXIT.ok);
      await exited;
      expect(first.exitCode).to.equal(null);
    });

    it('does not guess from a configuration with mistakes', async () => {
      await startOn(3000);
      directory.write('a.conf', 'PROT=4001\n');
      const { code, err } = await call('stop', '--config', 'a.conf');
      expect(code).to.equal(EXIT.badConfig);
      expect(err).to.equal('handover: a.conf:1: PROT=4001: unknown key; did you mean PORT?\n');
      expect((await call('stop', '--config', 'no.conf')).code).to.equal(EXIT.cannotRead);
      expect((await call('stop', '--port', 'x')).code).to.equal(EXIT.usage);
    });

    it('finds a server by its PID_FILE', async () => {
      const server = await processes.start('fake-server.js', [directory.at('my.pid'), '/x']);
      directory.write('a.conf', 'PID_FILE=my.pid\n');
      const hup = once(server, 'message');
      const { code, err } = await call('reload', '--config', 'a.conf');
      expect(code, 'without statistics').to.equal(EXIT.cannotRead);
      expect(err).to.include(`(pid ${server.pid}) was told to reload`);
      expect(await hup).to.deep.equal(['hup', undefined]);
      expect((await call('stop', '--pid-file', 'my.pid')).code).to.equal(EXIT.ok);
    });

    it('says so when the server does not end', async () => {
      const server = await startOn(4001, 'deaf');
      const args = ['stop', '--pid-file', 'run/handover/4001.pid', '--drain-timeout-seconds', '0'];
      const said: string[] = [];
      const say = (text: string) => void said.push(text);
      const terminal = {
        out: say,
        err: say,
        columns: 80,
        colour: false,
        isInteractive: false,
        env: {},
        cwd: directory.path,
      };
      expect(await stop(parseCommandLine(args, directory.path), terminal, 0)).to.equal(EXIT.notObeyed);
      expect(said[1]).to.include(`(pid ${server.pid}) still runs after 0 s`);
      expect(server.exitCode).to.equal(null);
    });

    it('shows what the server says of itself', async () => {
      await startOn(4001);
      const document = statsDocument();
      directory.write('run/4001.json', JSON.stringify(document));
      const shown = await call('status');
      expect(shown.code).to.equal(EXIT.ok);
      expect(shown.out).to.match(/^handover\/\S+, pid \d+, up /);
      const json = await call('status', '--json', '--port', '4001');
      expect(JSON.parse(json.out)).to.deep.equal(document);
    });

    it('says so when the statistics cannot be had', async () => {
      const server = await startOn(4001);
      const missing = await call('status');
      expect(missing.code).to.equal(EXIT.cannotRead);
      expect(missing.err).to.match(
        new RegExp(`^handover runs \\(pid ${server.pid}\\), but .*4001\\.json: ENOENT`),
      );
      directory.write('run/4001.json', '{"version":');
      expect((await call('status')).err).to.match(/4001\.json: this is not its statistics\n$/);
    });
  });
});
