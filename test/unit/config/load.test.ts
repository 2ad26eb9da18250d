import { chmodSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import type { Assignment } from '../../../src/config/assignment.js';
import { type LoadedSettings, loadSettings, type SettingsRequest } from '../../../src/config/load.js';
import { formatMistake } from '../../../src/config/mistake.js';
import type { SettingName } from '../../../src/config/setting.js';
import { TestDirectory } from '../../helpers/directory.js';

describe('config/load', () => {
  let directory: TestDirectory;
  beforeEach(() => {
    directory = new TestDirectory({ 'site/www/index.html': 'hello', 'other/': '' });
  });
  afterEach(() => directory.remove());

  function load(conf: string | undefined, request: Partial<SettingsRequest> = {}): LoadedSettings {
    if (conf !== undefined) directory.write('site/server.conf', conf);
    const configFile = conf === undefined ? undefined : 'site/server.conf';
    return loadSettings({ cwd: directory.path, env: {}, configFile, ...request });
  }

  function flag(name: SettingName, text: string): Assignment {
    const key = `--${name}`;
    return { name, text, key, origin: { kind: 'command line', flag: key }, base: directory.path };
  }

  const lines = (loaded: LoadedSettings): readonly string[] => loaded.mistakes.map(formatMistake);

  it('has a default for everything', () => {
    const { settings, mistakes, origins, configFile } = load(undefined);
    expect(mistakes).to.deep.equal([]);
    expect(configFile).to.equal(undefined);
    expect(settings.documentRoot).to.equal(directory.path);
    expect(settings).to.include({
      port: 3000,
      host: '0.0.0.0',
      logFile: '-',
      statsFile: '',
      spa: '',
      compress: true,
    });
    expect(settings.errorPages).to.deep.equal([{ status: 404, path: '/404.html' }]);
    expect(settings.statsAllow).to.deep.equal(['127.0.0.0/8', '::1']);
    expect(origins.port).to.deep.equal({ kind: 'default' });
  });

  it('finds nothing wrong with the file that is shipped, which asks for no port', () => {
    const configFile = fileURLToPath(new URL('../../../../server.conf', import.meta.url));
    const { mistakes, settings, origins } = load(undefined, { configFile });
    expect(mistakes).to.deep.equal([]);
    expect(settings.documentRoot).to.equal(join(configFile, '../www'));
    // A port that is asked for and taken ends `npm start`; the default one gives way to the next.
    expect(origins.port).to.deep.equal({ kind: 'default' });
  });

  it('serves ./www beside the configuration file', () => {
    expect(load('').settings.documentRoot).to.equal(directory.at('site/www'));
  });

  it('freezes what it returns', () => {
    const { settings } = load('');
    expect(settings).to.be.frozen;
    expect(settings.errorPages).to.be.frozen;
    expect(settings.errorPages[0]).to.be.frozen;
  });

  it('lets the command line win over the environment, that over the file, that over the default', () => {
    const conf = 'PORT=1\nHOST=::1\nTIMEOUT_SECONDS=9';
    const env = { HANDOVER_PORT: '2', HANDOVER_HOST: '127.0.0.1' };
    const { settings, origins } = load(conf, { env, flags: [flag('port', '3')] });
    expect(settings).to.include({ port: 3, host: '127.0.0.1', timeoutSeconds: 9, maxUrlBytes: 8192 });
    expect(origins).to.deep.include({
      port: { kind: 'command line', flag: '--port' },
      host: { kind: 'environment', variable: 'HANDOVER_HOST' },
      timeoutSeconds: { kind: 'file', file: directory.at('site/server.conf'), line: 3 },
      maxUrlBytes: { kind: 'default' },
    });
  });

  it('puts the parts of a repeatable key together, and replaces them all by those of a stronger source', () => {
    const conf = 'HEADERS=/** A: b\nHEADERS=/x C: d';
    const names = (loaded: LoadedSettings) => loaded.settings.headers.map(({ name }) => name);
    expect(names(load(conf))).to.deep.equal(['A', 'C']);
    expect(names(load(conf, { flags: [flag('headers', '/** E: f')] }))).to.deep.equal(['E']);
    expect(names(load(conf, { flags: [flag('headers', 'off')] }))).to.deep.equal([]);
    expect(load('ERROR_PAGE=off').settings.errorPages).to.deep.equal([]);
  });

  it('takes the last of a flag that is given twice', () => {
    expect(load(undefined, { flags: [flag('port', '1'), flag('port', '2')] }).settings.port).to.equal(2);
  });

  it('starts relative paths at the file, or where the command was called', () => {
    const env = { HANDOVER_STATS_FILE: 'other/statFile.txt' };
    const { settings } = load('LOG_FILE=www/a.log', { env, flags: [flag('pidFile', 'other/pid')] });
    expect(settings.logFile).to.equal(directory.at('site/www/a.log'));
    expect(settings.statsFile).to.equal(directory.at('other/statFile.txt'));
    expect(settings.pidFile).to.equal(directory.at('other/pid'));
  });

  it('serves DIR whatever the file says', () => {
    const { settings, origins } = load('DOCUMENT_ROOT=./www', { directory: 'other' });
    expect(settings.documentRoot).to.equal(directory.at('other'));
    expect(origins.documentRoot).to.deep.equal({ kind: 'command line', flag: 'DIR' });
  });

  it('refuses DIR and --document-root together', () => {
    const loaded = load(undefined, { directory: 'other', flags: [flag('documentRoot', 'site')] });
    expect(lines(loaded)).to.deep.equal([
      'command line: DIR=other: --document-root is given too; give one of the two',
    ]);
  });

  it('collects the mistakes of every source, and goes on with weaker values', () => {
    const env = { HANDOVER_HOST: '*', HANDOVER_PORT: '99999' };
    const loaded = load('PORT=80\nAUTOINDEX=perhaps\nFROB=1', { env, flags: [flag('logFormat', 'xml')] });
    expect(lines(loaded)).to.deep.equal([
      'site/server.conf:2: AUTOINDEX=perhaps: must be on or off',
      'site/server.conf:3: FROB=1: unknown key',
      'environment: HANDOVER_PORT=99999: must be a whole number from 0 to 65535',
      'environment: HANDOVER_HOST=*: must be an IPv4 or IPv6 address, a host name or unix:PATH; write 0.0.0.0 for every IPv4 address, :: for every address',
      'command line: --logFormat=xml: must be combined or json',
    ]);
    expect(loaded.settings).to.include({ port: 80, host: '0.0.0.0', autoindex: false });
  });

  it('refuses control characters, wherever they come from', () => {
    const loaded = load(undefined, { flags: [flag('headers', '/** A: b\r\nSet-Cookie: c')] });
    expect(lines(loaded)).to.deep.equal([
      'command line: --headers=/** A: b\\x0d\\x0aSet-Cookie: c: has a control character in it',
    ]);
  });

  describe('values that contradict each other', () => {
    it('refuses a file limit above the size of the cache', () => {
      expect(lines(load('CACHE_SIZE_MB=1\nCACHE_MAX_FILE_KB=1025'))).to.deep.equal([
        'site/server.conf:2: CACHE_MAX_FILE_KB=1025: larger than the whole cache, which is CACHE_SIZE_MB=1; write at most 1024',
      ]);
      expect(lines(load('CACHE_SIZE_MB=1'))).to.deep.equal([]);
    });

    it('does not compare with a value that could not be read', () => {
      expect(lines(load('CACHE_SIZE_MB=many\nCACHE_MAX_FILE_KB=100000'))).to.have.lengthOf(1);
    });

    it('refuses TLS on a Unix-domain socket', () => {
      const conf = 'HOST=unix:a.sock\nTLS_CERT=a.pem\nTLS_KEY=b.pem';
      expect(lines(load(conf))).to.include(
        'site/server.conf:2: TLS_CERT=a.pem: TLS needs an address with ports, and HOST is a Unix-domain socket; write an address in HOST, or leave TLS to the proxy in front',
      );
      expect(lines(load('HOST=unix:a.sock'))).to.deep.equal([]);
    });

    it('refuses WebDAV where nothing can be written', () => {
      expect(lines(load('WEBDAV=on'))).to.deep.equal([
        'site/server.conf:1: WEBDAV=on: nothing can be written: WRITABLE is off; set WRITABLE, or write off',
      ]);
      expect(lines(load('WEBDAV=on\nWRITABLE=/up/**'))).to.deep.equal([]);
    });

    it('refuses a port for jobs that is another one, or where there are no jobs', () => {
      const problem = (...conf: string[]): string => lines(load(conf.join('\n'))).join('\n');
      expect(problem('JOBS_PORT=3002')).to.match(
        /:1: JOBS_PORT=3002: there are no jobs: JOBS_DIR is off; set JOBS_DIR, or write off$/,
      );
      expect(problem('REDUCER=a.js')).to.match(/REDUCER=a.js: there are no jobs/);
      expect(problem('JOBS_DIR=jobs', 'PORT=3002', 'JOBS_PORT=3002')).to.match(/this is the plain PORT too/);
      expect(problem('JOBS_DIR=jobs', 'GETFILE_PORT=3002', 'JOBS_PORT=3002')).to.match(
        /:3: JOBS_PORT=3002: this is GETFILE_PORT too; write another$/,
      );
      expect(problem('JOBS_DIR=jobs', 'HOST=unix:a.sock', 'JOBS_PORT=0')).to.match(
        /:3: JOBS_PORT=0: a port for jobs needs an address with ports/,
      );
      expect(problem('JOBS_DIR=jobs', 'GETFILE_PORT=0', 'JOBS_PORT=0')).to.equal('');
    });

    it('refuses two pages for one status', () => {
      expect(lines(load('ERROR_PAGE=404 /a.html\nERROR_PAGE=500 404 /b.html'))[0]).to.match(
        /status 404 has two pages/,
      );
    });

    it('refuses one file for two purposes', () => {
      expect(lines(load('LOG_FILE=x\nPID_FILE=./x'))[0]).to.match(
        /:2: PID_FILE=.\/x: this is the file of LOG_FILE too/,
      );
      expect(lines(load('LOG_FILE=server.conf'))[0]).to.match(/this is the file of the configuration too/);
      expect(lines(load('STATS_FILE=www/stats.json'))[0]).to.match(/written beside it/);
    });
  });

  describe('paths', () => {
    it('says that the document root is missing, and which one may be meant', () => {
      expect(lines(load('DOCUMENT_ROOT=./wwww'))).to.deep.equal([
        'site/server.conf:1: DOCUMENT_ROOT=./wwww: no such directory; did you mean site/www?',
      ]);
      expect(lines(load(undefined, { directory: 'sites/www' }))).to.deep.equal([
        'command line: DIR=sites/www: no such directory; did you mean site/www?',
      ]);
      expect(lines(load(undefined, { directory: '~/www' }))[0]).to.match(/~ means nothing here/);
    });

    it('says so of the default, too', () => {
      directory.write('other/server.conf', '');
      expect(
        lines(loadSettings({ cwd: directory.path, env: {}, configFile: 'other/server.conf' }))[0],
      ).to.match(
        /^other\/server\.conf: DOCUMENT_ROOT=\.\/www: no such directory; nothing is at .*\/other\/www$/,
      );
    });

    it('says that it is a file', () => {
      const [mistake] = load(undefined, { directory: 'site/www/index.html' }).mistakes;
      expect(mistake).to.include({
        message: 'this is not a directory',
        hint: 'did you mean site/www?',
        unreadable: true,
      });
    });

    it('says which directory of a file to write is missing', () => {
      expect(lines(load('STATS_FILE=./ww/statFile.txt'))).to.deep.equal([
        'site/server.conf:1: STATS_FILE=./ww/statFile.txt: its directory site/ww: no such directory; did you mean site/www?',
      ]);
      expect(lines(load('LOG_FILE=./www'))[0]).to.match(/this is a directory; name a file in it/);
    });

    it('writes to devices without asking for their directory', () => {
      expect(lines(load('LOG_FILE=/dev/null'))).to.deep.equal([]);
    });

    it('has jobs in a directory that can be made, and that nobody can read as files', () => {
      const problem = (conf: string): string => lines(load(conf)).join('\n');
      expect(problem('JOBS_DIR=a/b/jobs')).to.equal('');
      expect(problem('JOBS_DIR=www/index.html')).to.match(
        /:1: JOBS_DIR=www\/index.html: this is not a directory/,
      );
      expect(problem('JOBS_DIR=/dev/null/jobs')).to.match(
        /it cannot be made: \/dev\/null: this is not a dir/,
      );
      for (const inside of ['www', 'www/a/jobs', 'link/jobs']) {
        symlinkSync('www', directory.at('site/link'));
        expect(problem(`JOBS_DIR=${inside}`), inside).to.match(
          /this lies in DOCUMENT_ROOT: parts and results/,
        );
        rmSync(directory.at('site/link'));
      }
      expect(problem('JOBS_DIR=.')).to.match(/DOCUMENT_ROOT lies in it, and would be taken for a job/);
      expect(problem('JOBS_DIR=www/.jobs')).to.equal('');
      expect(problem('JOBS_DIR=www/.jobs\nDOTFILES=serve')).to.match(/this lies in DOCUMENT_ROOT/);
    });

    it('wants the module of a reducer', () => {
      const problem = (conf: string): string => lines(load(`JOBS_DIR=jobs\n${conf}`)).join('\n');
      expect(problem('REDUCER=www/index.htm')).to.match(
        /:2: REDUCER=www\/index.htm: no such file; did you mean site\/www\/index.html\?$/,
      );
      expect(problem('REDUCER=www')).to.match(/this is no file; name a JavaScript module$/);
      expect(problem('REDUCER=www/index.html')).to.equal('');
    });

    it('says that a directory is closed to us', function () {
      if (process.getuid?.() === 0) this.skip(); // nothing is closed to root
      chmodSync(directory.at('other'), 0);
      expect(lines(load(undefined, { directory: 'other' }))[0]).to.match(/cannot be read \(EACCES\)/);
    });
  });

  describe('the file itself', () => {
    const unread = (name: string): LoadedSettings => load(undefined, { configFile: name });

    it('is missing: one mistake, and a near name', () => {
      directory.write('site/server.conf', '');
      expect(lines(unread('site/serve.conf'))).to.deep.equal([
        'site/serve.conf: no such file; did you mean site/server.conf?',
      ]);
      expect(unread('nowhere').mistakes[0]).to.include({ unreadable: true });
    });

    it('is a directory, or larger than any configuration', () => {
      expect(lines(unread('site'))[0]).to.match(/^site: this is a directory/);
      directory.write('big', Buffer.alloc(2 << 20, '#'));
      expect(lines(unread('big'))[0]).to.match(/^big: larger than 1 MB/);
    });

    it('is a link in a circle', () => {
      symlinkSync('loop', directory.at('loop'));
      expect(lines(unread('loop'))[0]).to.match(/ELOOP/);
    });
  });
});
