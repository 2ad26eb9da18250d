/** Jobs as text. Pure. */
import type { PublicStatus } from '../jobs/replies.js';
import { table } from './layout.js';
import { bar } from './progress.js';
import { duration, size } from './status-text.js';

/** The table that `handover jobs` prints. `nowMs`: the present, in milliseconds since the epoch. */
export function jobsTable(jobs: readonly PublicStatus[], nowMs: number): string {
  if (jobs.length === 0) return 'There are no jobs.\n';
  const head = ['job', 'state', 'parts', 'bytes', 'reduced', 'sending', 'age', 'result'];
  const rows = jobs.map((each) => [
    each.job,
    each.state,
    partsOf(each),
    size(each.bytes),
    percent(reducedShare(each)),
    each.receiving === 0 ? '-' : String(each.receiving),
    age(each.created, nowMs),
    each.result ? size(each.result.bytes) : (each.error ?? '-'),
  ]);
  return table([head, ...rows], new Set([2, 3, 4, 5, 6]));
}

/** What `handover jobs JOB` prints. */
export function jobText(job: PublicStatus, nowMs: number): string {
  const { reducer, order, deadline, receiving, receivingBytes, result, error } = job;
  const left = deadline === null ? 0 : (Date.parse(deadline) - nowMs) / 1000;
  const facts: [string, string][] = [
    ['state', error === null ? job.state : `${job.state}: ${error}`],
    ['reducer', order === 'name' ? reducer : `${reducer}, in order of ${order}`],
    ['parts', `${partsOf(job)}, ${size(job.bytes)}`],
    ['reduced', `${bar(reducedShare(job))}  ${size(job.reducedBytes)}`],
    ['sending', receiving === 0 ? 'nobody' : `${receiving} with ${size(receivingBytes)} so far`],
    ['created', `${job.created}, ${age(job.created, nowMs)} ago`],
  ];
  if (deadline !== null) {
    facts.push(['deadline', left > 0 ? `${deadline}, in ${duration(left)}` : deadline]);
  }
  if (result) facts.push(['result', `${result.bytes} bytes, sha256 ${result.sha256}`]);
  return `${job.job}\n\n${table(facts, new Set())}`;
}

function partsOf({ parts, expectedParts }: PublicStatus): string {
  return expectedParts === null ? String(parts) : `${parts} of ${expectedParts}`;
}

/** Of what is there. */
function reducedShare({ bytes, reducedBytes, state }: PublicStatus): number {
  if (bytes === 0) return state === 'done' ? 1 : 0;
  return Math.min(1, reducedBytes / bytes);
}

function percent(share: number): string {
  return `${Math.floor(share * 100)} %`;
}

function age(created: string, nowMs: number): string {
  return duration(Math.max(0, (nowMs - Date.parse(created)) / 1000));
}
