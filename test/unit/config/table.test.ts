import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { flagOf, SECTIONS, variableOf } from '../../../src/config/setting.js';
import { settingsPage } from '../../../src/config/settings-page.js';
import { ROWS, rowOfKey, rowsIn } from '../../../src/config/table.js';
import { isRefusal } from '../../../src/config/value-type.js';

const ROOT = new URL('../../../../', import.meta.url);

describe('config/table', () => {
  it('gives each setting a key of its own, in capitals', () => {
    expect(new Set(ROWS.map(({ key }) => key)).size).to.equal(ROWS.length);
    for (const { key } of ROWS) expect(key).to.match(/^[A-Z]+(?:_[A-Z]+)*$/);
  });

  it('has a section for each setting and a setting in each section', () => {
    expect(SECTIONS.flatMap((section) => rowsIn(section))).to.have.lengthOf(ROWS.length);
    for (const section of SECTIONS) expect(rowsIn(section)).not.to.deep.equal([]);
  });

  it('derives the flag and the variable from the key', () => {
    expect(flagOf('STATS_INTERVAL_MS')).to.equal('--stats-interval-ms');
    expect(variableOf('PORT')).to.equal('HANDOVER_PORT');
  });

  it('has every key of the assignment it grew from', () => {
    const keys = ['PORT', 'DOCUMENT_ROOT', 'NUM_WORKERS', 'THREADS_PER_WORKER', 'MAX_QUEUE_SIZE', 'LOG_FILE'];
    for (const key of [...keys, 'CACHE_SIZE_MB', 'TIMEOUT_SECONDS', 'STATS_FILE']) {
      expect(rowOfKey(key), key).not.to.equal(undefined);
    }
  });

  for (const { key, type, default: standard, defaultWithoutFile, example } of ROWS) {
    it(`${key}: reads its own default and example, and what it writes of them`, () => {
      for (const text of [standard, defaultWithoutFile ?? standard, example]) {
        const parsed = type.parse(text, '/base');
        if (isRefusal(parsed)) throw new Error(`${text}: ${parsed.problem}`);
        const again = type.format(parsed.value).map((written) => {
          const reread = type.parse(written, '/elsewhere');
          if (isRefusal(reread)) throw new Error(`${written}: ${reread.problem}`);
          return reread.value;
        });
        expect(type.combine === undefined ? again[0] : type.combine(again)).to.deep.equal(parsed.value);
      }
    });
  }

  it('is what docs/settings.md says (npm run docs)', () => {
    expect(readFileSync(new URL('docs/settings.md', ROOT), 'utf8')).to.equal(settingsPage());
  });
});
