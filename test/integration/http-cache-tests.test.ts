/**
 * http-cache-tests (https://cache-tests.fyi) against the real proxy: its origin behind it, its client before it.
 * What passed once goes on passing; what does not, and why, stands in docs/proxy-cache.md.
 */
import { expect } from 'chai';
import { runTests } from 'http-cache-tests/client/runner.mjs';
import { makeCacheTest, testResults } from 'http-cache-tests/client/test.mjs';
import suites from 'http-cache-tests/tests/index.mjs';
import fetch from 'node-fetch';
import { CacheTestsOrigin } from '../helpers/cache-tests-origin.js';
import { TestServer } from '../helpers/server.js';

/** Required by this edition, and against RFC 9111, or not to be passed by any cache: see the document. */
const FAILING_REQUIRED = [
  '304-etag-update-response-ETag',
  'age-parse-dup-0',
  'age-parse-dup-0-twoline',
  'age-parse-dup-old',
  'age-parse-float',
  'age-parse-negative',
  'age-parse-nonnumeric',
  'age-parse-numeric-parameter',
  'age-parse-parameter',
  'age-parse-prefix-twoline',
  'stale-close-must-revalidate',
  'stale-close-no-cache',
  'stale-close-proxy-revalidate',
  'stale-close-s-maxage=2',
];

/** Of the optimal ones, those that are not passed. */
const FAILING_OPTIMAL = [
  'conditional-lm-fresh-no-lm',
  'partial-store-partial-complete',
  'partial-store-partial-reuse-partial',
  'partial-store-partial-reuse-partial-absent',
  'partial-store-partial-reuse-partial-byterange',
  'partial-store-partial-reuse-partial-suffix',
  'vary-normalise-lang-order',
  'vary-normalise-lang-select',
];

/** All at once: most of the time goes by while responses grow old. Then what has failed, with fewer beside it. */
const AT_ONCE = 300;
const AT_ONCE_AGAIN = [20, 1];

describe('http-cache-tests', () => {
  const tests = suites.flatMap((suite) => suite.tests).filter((test) => test.browser_only !== true);
  const origin = new CacheTestsOrigin();
  let server: TestServer;

  before(async () => {
    const url = await origin.start();
    server = await TestServer.start({ settings: { PROXY: `/ ${url}` } });
    await runTests(suites, fetch, false, server.origin, AT_ONCE);
    // Real seconds: on a busy machine what is fresh for two of them may be stale before it is asked for again.
    for (const atOnce of AT_ONCE_AGAIN) await runAgain(atOnce);
  });
  after(async () => {
    await server.stop();
    origin.stop();
  });

  async function runAgain(atOnce: number): Promise<void> {
    const known = [...FAILING_REQUIRED, ...FAILING_OPTIMAL];
    const again = tests.filter(({ id, kind }) => kind !== 'check' && !passed(id) && !known.includes(id));
    for (let first = 0; first < again.length; first += atOnce) {
      const group = again.slice(first, first + atOnce);
      for (const { id } of group) delete testResults[id];
      await Promise.all(group.map(makeCacheTest));
    }
  }

  function passed(id: string): boolean {
    return testResults[id] === true;
  }

  function failing(kind: string): string[] {
    const ids = tests.filter((test) => (test.kind ?? 'required') === kind).map(({ id }) => id);
    return ids.filter((id) => !passed(id)).sort();
  }

  it('passes what is required', () => {
    expect(failing('required')).to.deep.equal([...FAILING_REQUIRED].sort());
  });

  it('passes what is optimal', () => {
    expect(failing('optimal')).to.deep.equal(FAILING_OPTIMAL);
  });
});
