import { expect } from 'chai';
import { helpText } from '../../../src/cli/help.js';
import { definitions, table, wrap } from '../../../src/cli/layout.js';
import { flagOf } from '../../../src/config/setting.js';
import { ROWS } from '../../../src/config/table.js';

describe('cli/help', () => {
  for (const columns of [60, 80, 100]) {
    it(`stays within ${columns} columns`, () => {
      const lines = helpText('1.2.3', columns).split('\n');
      expect(lines.filter((line) => line.length > columns)).to.deep.equal([]);
    });
  }

  it('names every setting with its default, and every command', () => {
    const text = helpText('1.2.3', 100).replaceAll(/\s+/g, ' ');
    for (const row of ROWS) {
      expect(text).to.include(flagOf(row.key)).and.to.include(row.summary);
      if (row.default !== '') expect(text).to.include(`[${row.default}]`);
    }
    for (const word of [
      'check',
      'stop',
      'reload',
      'status',
      'get HOST:PORT',
      '--workload',
      '--print-config',
      '--version',
    ])
      expect(text).to.include(word);
  });
});

describe('cli/layout', () => {
  it('breaks lines between words', () => {
    expect(wrap('a bb ccc dddd', 5)).to.deep.equal(['a bb', 'ccc', 'dddd']);
    expect(wrap('a longer-than-that b', 5)).to.deep.equal(['a', 'longer-than-that', 'b']);
    expect(wrap('aa [b\u00a0c] d', 7)).to.deep.equal(['aa', '[b c] d']);
  });

  it('sets descriptions beneath each other', () => {
    const pairs = [['-a', 'one two'] as const, ['--long', 'three'] as const];
    expect(definitions(pairs, 4, 12)).to.equal('  -a    one\n        two\n  --long\n        three\n');
  });

  it('makes columns as wide as their cells', () => {
    const rows = [
      ['pid', 'state'],
      ['4711', 'ok'],
    ];
    expect(table(rows, new Set([0]))).to.equal('   pid  state\n  4711  ok\n');
  });
});
