/** What must hold between the published statistics and what clients saw. */
import { expect } from 'chai';
import type { StatsDocument } from '../../src/stats/schema.js';
import type { LoadResult } from './load-clients.js';

/** The statistics of a server that has answered these clients and nobody else, and lost nobody. */
export function expectExactly(stats: StatsDocument, result: LoadResult): void {
  expectSums(stats);
  expect(stats.requests.total, 'requests').to.equal(result.whole + result.unavailable);
  expect(stats.status['200'], 'status 200').to.equal(result.whole);
  expect(stats.status['5xx'], 'status 5xx').to.equal(result.unavailable);
  expect(stats.connections.accepted, 'connections').to.equal(result.connections);
  expect(stats.bytes.sent, 'bytes').to.equal(result.bytes);
}

/** The sums that hold at any time, whatever died. */
export function expectSums({ requests, status }: StatsDocument): void {
  const classes = status['1xx'] + status['2xx'] + status['3xx'] + status['4xx'] + status['5xx'];
  expect(classes, 'sum of the status classes').to.equal(requests.total);
}
