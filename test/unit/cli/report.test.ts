import { expect } from 'chai';
import { exitCodeOf, reportMistakes } from '../../../src/cli/report.js';
import type { ConfigMistake } from '../../../src/config/mistake.js';
import { EXIT } from '../../../src/errors.js';

const COMMAND_LINE: ConfigMistake = {
  source: 'command line',
  key: '--port',
  value: 'x',
  message: 'no number',
};
const FILE: ConfigMistake = { source: 'server.conf', line: 3, key: 'PORT', value: 'x', message: 'no number' };
const MISSING: ConfigMistake = {
  source: 'command line',
  key: 'DIR',
  value: 'x',
  message: 'none',
  unreadable: true,
};

describe('cli/report', () => {
  const cases: readonly [what: string, mistakes: readonly ConfigMistake[], code: number][] = [
    ['nothing', [], EXIT.ok],
    ['the command line', [COMMAND_LINE], EXIT.usage],
    ['the file', [FILE], EXIT.badConfig],
    ['both', [COMMAND_LINE, FILE], EXIT.badConfig],
    ['a directory that is missing', [MISSING], EXIT.cannotRead],
    ['that and the command line', [MISSING, COMMAND_LINE], EXIT.usage],
    ['that and the file', [MISSING, FILE], EXIT.badConfig],
  ];
  for (const [what, mistakes, code] of cases) {
    it(`exits with ${code} for ${what}`, () => {
      expect(exitCodeOf(mistakes)).to.equal(code);
    });
  }

  it('prints each mistake on a line', () => {
    let text = '';
    const err = (written: string) => {
      text += written;
    };
    reportMistakes([FILE, MISSING], {
      out: err,
      err,
      columns: 80,
      colour: false,
      isInteractive: false,
      env: {},
      cwd: '/',
    });
    expect(text).to.equal('server.conf:3: PORT=x: no number\ncommand line: DIR=x: none\n');
  });
});
