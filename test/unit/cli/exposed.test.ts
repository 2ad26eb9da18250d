import { expect } from 'chai';
import { exposedFiles } from '../../../src/cli/exposed.js';
import { type LoadedSettings, loadSettings } from '../../../src/config/load.js';

describe('cli/exposed', () => {
  const loaded = loadSettings({ cwd: '/', env: {} });
  const exposed = (
    configFile: string | undefined,
    changes: Partial<LoadedSettings['settings']>,
  ): string[] => {
    return exposedFiles({ ...loaded, configFile, settings: { ...loaded.settings, ...changes } }, '/srv');
  };

  it('warns of files of its own that it would serve', () => {
    const files = { documentRoot: '/srv/www', logFile: '/srv/www/logs/a.log', pidFile: '/srv/www/pid' };
    expect(exposed('/srv/www/server.conf', files)).to.deep.equal([
      'the configuration www/server.conf lies in the directory that is served',
      'the access log www/logs/a.log lies in the directory that is served',
      'the pid file www/pid lies in the directory that is served',
    ]);
  });

  it('is silent about files that lie elsewhere or are hidden', () => {
    expect(
      exposed('/srv/server.conf', { documentRoot: '/srv/www', logFile: '-', pidFile: '' }),
    ).to.deep.equal([]);
    expect(exposed('/srv/www2/server.conf', { documentRoot: '/srv/www' })).to.deep.equal([]);
    const hidden = { documentRoot: '/srv/www', logFile: '/srv/www/.logs/a.log' };
    expect(exposed(undefined, hidden)).to.deep.equal([]);
    expect(exposed(undefined, { ...hidden, dotfiles: 'serve' })).to.have.lengthOf(1);
  });
});
