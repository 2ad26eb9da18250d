import { expect } from 'chai';
import { loadSettings, type SettingsRequest } from '../../../src/config/load.js';
import { diffSettings, printSettings } from '../../../src/config/print.js';
import { TestDirectory } from '../../helpers/directory.js';

const CONF = `PORT=8080
DOCUMENT_ROOT="./a # b"
HEADERS='/** X-Quote: "a # b"'
HEADERS=/x Y: z
CORS=https://example.com
STATS_ALLOW=none
LOG_FILE=off
SPA=on
`;

describe('config/print', () => {
  let directory: TestDirectory;
  beforeEach(() => {
    directory = new TestDirectory({ 'server.conf': CONF, 'a # b/': '', 'www/': '' });
  });
  afterEach(() => directory.remove());

  const request = (configFile = 'server.conf'): SettingsRequest => ({
    cwd: directory.path,
    env: { HANDOVER_AUTOINDEX: 'yes' },
    configFile,
  });

  it('prints a configuration that gives the same settings', () => {
    const first = loadSettings(request());
    expect(first.mistakes).to.deep.equal([]);
    directory.write('printed.conf', printSettings(first.settings, first.origins, directory.path));
    const second = loadSettings({ ...request('printed.conf'), env: {} });
    expect(second.mistakes).to.deep.equal([]);
    expect(second.settings).to.deep.equal(first.settings);
  });

  it('says where each value comes from that is not the default', () => {
    const { settings, origins } = loadSettings(request());
    const lines = printSettings(settings, origins, directory.path).split('\n');
    expect(lines.find((line) => line.startsWith('PORT='))).to.match(/^PORT=8080 +# server\.conf:1$/);
    expect(lines.find((line) => line.startsWith('AUTOINDEX='))).to.match(
      /^AUTOINDEX=on +# environment HANDOVER_AUTOINDEX$/,
    );
    expect(lines).to.include('HOST=0.0.0.0');
    expect(lines.filter((line) => line.startsWith('HEADERS='))).to.have.lengthOf(2);
  });

  it('does not say what a secret was, and has become', () => {
    const { settings } = loadSettings(request());
    expect(diffSettings(settings, { ...settings, jobsToken: 'abc' })).to.deep.equal(['JOBS_TOKEN: changed']);
  });

  it('says what a reload changed, in the order of the table', () => {
    const before = loadSettings(request()).settings;
    directory.write(
      'server.conf',
      CONF.replace('8080', '8081').replace('SPA=on\n', '').replace('HEADERS=/x Y: z\n', ''),
    );
    const after = loadSettings(request()).settings;
    expect(diffSettings(before, after)).to.deep.equal([
      'PORT: 8080 -> 8081',
      'SPA: /index.html -> off',
      'HEADERS: /** X-Quote: "a # b", /x Y: z -> /** X-Quote: "a # b"',
    ]);
    expect(diffSettings(after, after)).to.deep.equal([]);
  });

  it('names nothing as nothing', () => {
    const before = loadSettings(request()).settings;
    expect(diffSettings(before, { ...before, statsFile: '/x' })).to.deep.equal([
      'STATS_FILE: (nothing) -> /x',
    ]);
  });
});
