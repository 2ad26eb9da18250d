/** What is used of http-cache-tests, which has no types of its own. */
interface CacheTest {
  readonly id: string;
  readonly name: string;
  readonly kind?: 'required' | 'optimal' | 'check';
  readonly browser_only?: boolean;
  readonly depends_on?: readonly string[];
}

interface CacheTestSuite {
  readonly id: string;
  readonly name: string;
  readonly tests: readonly CacheTest[];
}

declare module 'http-cache-tests/tests/index.mjs' {
  const suites: readonly CacheTestSuite[];
  export default suites;
}

declare module 'http-cache-tests/client/test.mjs' {
  /** True: passed; otherwise the kind of failure and what it was. */
  export type CacheTestResult = true | readonly [kind: string, message: string];

  /** By id. A test that has a result must not be run. */
  export const testResults: Record<string, CacheTestResult>;
  export function makeCacheTest(test: CacheTest): Promise<void>;
}

declare module 'http-cache-tests/client/runner.mjs' {
  export function runTests(
    suites: readonly CacheTestSuite[],
    fetch: unknown,
    isBrowser: boolean,
    baseUrl: string,
    chunkSize: number,
  ): Promise<void>;
}

declare module 'http-cache-tests/server/handle-*.mjs' {
  import type { IncomingMessage, ServerResponse } from 'node:http';

  const handle: (segments: string[], request: IncomingMessage, response: ServerResponse) => void;
  export default handle;
}

declare module 'node-fetch' {
  const fetch: unknown;
  export default fetch;
}
