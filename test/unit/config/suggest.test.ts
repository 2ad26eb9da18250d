import { expect } from 'chai';
import { didYouMean, nearest, slipOf } from '../../../src/config/suggest.js';
import { KEYS } from '../../../src/config/table.js';

describe('config/suggest', () => {
  const cases: readonly [written: string, meant: string | undefined][] = [
    ['NUM_WORKER', 'NUM_WORKERS'],
    ['num-workers', 'NUM_WORKERS'],
    ['WORKERS', 'NUM_WORKERS'],
    ['PROT', 'PORT'],
    ['port', 'PORT'],
    ['ROOT', 'DOCUMENT_ROOT'],
    ['DOCROOT', undefined],
    ['CACHE_SIZE', 'CACHE_SIZE_MB'],
    ['TIMEOUT', 'TIMEOUT_SECONDS'],
    ['HEADER', 'HEADERS'],
    ['LOGFILE', 'LOG_FILE'],
    ['LISTEN_BACKLOG', undefined],
    ['X', undefined],
    ['', undefined],
    ['A'.repeat(10_000), undefined],
  ];
  for (const [written, meant] of cases) {
    it(`takes ${written.slice(0, 20) || 'nothing'} for ${meant ?? 'nothing known'}`, () => {
      expect(nearest(written, KEYS)).to.equal(meant);
    });
  }

  it('prefers what is one letter off to what begins alike', () => {
    expect(nearest('HOSTS', ['HOSTS_ALLOWED', 'HOST'])).to.equal('HOST');
  });

  it('guesses between several that begin alike only by the number of letters', () => {
    expect(nearest('STATS', ['STATS_FILE', 'STATS_ALLOW'])).to.equal(undefined);
  });

  it('tells a slip from a part', () => {
    expect(slipOf('WORKERS', KEYS)).to.equal(undefined);
    expect(slipOf('NUM_WRKERS', KEYS)).to.equal('NUM_WORKERS');
  });

  it('asks', () => {
    expect(didYouMean('jsn', ['combined', 'json'])).to.equal('did you mean json?');
    expect(didYouMean('yaml', ['combined', 'json'])).to.equal(undefined);
  });
});
