import { spawnSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { EXIT } from '../../src/errors.js';

const MAIN = fileURLToPath(new URL('../../src/main.js', import.meta.url));

describe('main', () => {
  it('says in one line that nobody gets its output', function () {
    if (process.platform !== 'linux') this.skip();
    const full = openSync('/dev/full', 'w');
    const { status, stderr } = spawnSync(process.execPath, [MAIN, '--help'], {
      stdio: ['ignore', full, 'pipe'],
      encoding: 'utf8',
    });
    closeSync(full);
    expect(status).to.equal(EXIT.cannotRead);
    expect(stderr).to.match(/^handover: standard output: ENOSPC[^\n]*\n$/);
  });
});
