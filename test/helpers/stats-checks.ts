/** What must hold between the published statistics and what clients saw. */
import { expect } from 'chai';
import type { StatsDocument } from '../../src/stats/schema.js';
import type { LoadResult } from './load-clients.js';

/**
 * The statistics of a server that has answered these clients and nobody else, and lost nobody.
 *
 * @param since statistics from before the clients came, where the server had others
 */
export function expectExactly(stats: StatsDocument, result: LoadResult, since?: StatsDocument): void {
  expectSums(stats);
  const counts = (document: StatsDocument | undefined): number[] => [
    document?.requests.total ?? 0,
    document?.status['200'] ?? 0,
    document?.status['5xx'] ?? 0,
    document?.connections.accepted ?? 0,
    document?.bytes.sent ?? 0,
  ];
  const before = counts(since);
  const { whole, unavailable, connections, bytes } = result;
  expect(
    counts(stats).map((count, i) => count - before[i]!),
    'requests, status 200, status 5xx, connections, bytes',
  ).to.deep.equal([whole + unavailable, whole, unavailable, connections, bytes]);
}

/** The sums that hold at any time, whatever died. */
export function expectSums({ requests, status }: StatsDocument): void {
  const classes = status['2xx'] + status['3xx'] + status['4xx'] + status['5xx'];
  expect(classes, 'sum of the status classes').to.equal(requests.total);
}
