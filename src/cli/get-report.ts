/** What `handover get` tells of its transfers: while they run, and in the end. Pure. */
import type { Tally } from '../getfile/client/tally.js';
import { table } from './layout.js';
import { bar } from './progress.js';
import { size } from './status-text.js';

export interface GetFacts {
  readonly tally: Pick<Tally, 'requests' | 'errors' | 'bytes' | 'failures' | 'timesMs'>;
  /** Transfers that were asked for. */
  readonly wanted: number;
  readonly threads: number;
  readonly elapsedMs: number;
}

/** A line that shows how far things are. */
export function progressLine({ tally, wanted, elapsedMs }: Omit<GetFacts, 'threads'>): string {
  const { requests, errors, bytes } = tally;
  const share = requests / wanted;
  const pace = size(bytes / Math.max(elapsedMs / 1000, 0.001));
  const trouble = errors === 0 ? '' : `  ${count(errors)} errors`;
  return `${bar(share)}  ${count(requests)} of ${count(wanted)}  ${size(bytes)}  ${pace}/s${trouble}`;
}

/** The tables at the end. */
export function reportText({ tally, wanted, threads, elapsedMs }: GetFacts): string {
  const { requests, errors, bytes, timesMs } = tally;
  const seconds = elapsedMs / 1000;
  const totals = [
    ['threads', 'requests', 'errors', 'bytes', 'time (s)', 'req/s', 'bytes/s'],
    [
      count(threads),
      count(requests),
      count(errors),
      size(bytes),
      seconds.toFixed(3),
      count(requests / seconds, 1),
      size(bytes / seconds),
    ],
  ];
  const { min, mean, sd, p50, p90, p99, max } = timesMs;
  const times = [
    ['time per request (ms)', 'min', 'mean (+/- s.d.)', 'p50', 'p90', 'p99', 'max'],
    ['', ms(min), `${ms(mean)} (+/- ${ms(sd)})`, ms(p50), ms(p90), ms(p99), ms(max)],
  ];
  const columns = new Set(totals[0]!.keys());
  const left = wanted - requests;
  const note = left === 0 ? '' : `\n  ${count(left)} of ${count(wanted)} requests were not made\n`;
  return `${table(totals, columns)}\n${table(times, columns)}${note}`;
}

/**
 * The same for scripts, as JSON. Times are milliseconds and null where nothing was transferred; `failures` are the
 * first that are told one by one.
 */
export function reportJson({ tally, wanted, threads, elapsedMs }: GetFacts): string {
  const { requests, errors, bytes, failures, timesMs } = tally;
  const seconds = elapsedMs / 1000;
  const document = {
    threads,
    wanted,
    requests,
    errors,
    bytes,
    elapsedMs,
    requestsPerSecond: requests / seconds,
    bytesPerSecond: bytes / seconds,
    timesMs,
    failures,
  };
  return `${JSON.stringify(document, undefined, 2)}\n`;
}

function count(value: number, digits = 0): string {
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

function ms(value: number): string {
  return Number.isNaN(value) ? '-' : value.toFixed(2);
}
