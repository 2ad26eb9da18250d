/** The result of `bench:jobs` as a page of Markdown. Pure. */
import { renderTable } from '../report/table.js';
import type { Machine } from '../results.js';
import { median } from '../statistics.js';

const MB = 1024 * 1024;

/** A load: so many clients of so many jobs at once, each with these parts, in bytes. */
export interface JobsCase {
  readonly title: string;
  readonly jobs: number;
  readonly clients: number;
  readonly sizes: readonly number[];
}

export interface JobsSample {
  readonly round: number;
  readonly case: string;
  readonly server: string;
  /** Until all parts are acknowledged. */
  readonly elapsedMs: number;
  /** Until all results are there; null where there are none. */
  readonly resultsMs: number | null;
  /** Of all processes of the server, until then. */
  readonly cpuUs: number;
}

export interface JobsResult {
  readonly startedAt: string;
  readonly rounds: number;
  readonly workers: number;
  readonly node: string;
  readonly commit: string;
  readonly machine: Machine;
  readonly cases: readonly JobsCase[];
  readonly samples: readonly JobsSample[];
}

/** What all clients of a case send, in MB. */
export function megabytesOf({ jobs, clients, sizes }: JobsCase): number {
  return (jobs * clients * sizes.reduce((sum, bytes) => sum + bytes, 0)) / MB;
}

/** How many parts all clients of a case send. */
export function partsOf({ jobs, clients, sizes }: JobsCase): number {
  return jobs * clients * sizes.length;
}

/** One table for each case: medians over the rounds. */
export function jobsPage(result: JobsResult): string {
  const { machine, startedAt, rounds, workers, node, commit } = result;
  const parts = [
    '# Jobs beside other receivers',
    `${machine.cpu}, ${machine.cores} cores, ${machine.kernel}, node ${node.slice(1)}; commit ${commit}, ` +
      `${startedAt.slice(0, 10)}, ${rounds === 1 ? 'one round' : `medians of ${rounds} interleaved rounds`}, ${workers} workers.`,
    'handover makes every part durable before it says so, and puts each job together: its CPU time is until the ' +
      'results are there, which are then held against what they must be. node:http does the least that is durable: a ' +
      'file for each part, hashed and synced before it is acknowledged; nothing is put together. nc takes one ' +
      'connection at a time, so there are as many as clients, but no more than 32 (`nc -lk PORT | cat > FILE`), and ' +
      'clients to match, with the same bytes; nothing is synced, hashed or acknowledged, and the parts of a file ' +
      'cannot be told apart. The clients run on the same machine, and share its cores with the server.',
    ...result.cases.flatMap((one) => section(one, result.samples)),
  ];
  return `${parts.join('\n\n')}\n`;
}

function section(one: JobsCase, all: readonly JobsSample[]): readonly string[] {
  const samples = all.filter((sample) => sample.case === one.title);
  const servers = [...new Set(samples.map(({ server }) => server))];
  const { title, jobs, clients } = one;
  const mb = megabytesOf(one);
  const rows = servers.map((server) => {
    const own = samples.filter((sample) => sample.server === server);
    const middle = (of: (sample: JobsSample) => number): number => median(own.map(of));
    const results = own.flatMap(({ resultsMs }) => resultsMs ?? []);
    return [
      server,
      ((mb * 1000) / middle(({ elapsedMs }) => elapsedMs)).toFixed(1),
      ((partsOf(one) * 1000) / middle(({ elapsedMs }) => elapsedMs)).toFixed(0),
      results.length === 0 ? '–' : ((mb * 1000) / median(results)).toFixed(1),
      (middle(({ cpuUs }) => cpuUs) / 1000 / mb).toFixed(2),
      (middle(({ cpuUs }) => cpuUs) / partsOf(one)).toFixed(0),
    ];
  });
  const columns = [
    '',
    'MB/s, acknowledged',
    'parts/s, acknowledged',
    'MB/s, put together',
    'CPU for a MB (ms)',
    'CPU for a part (µs)',
  ];
  return [`## ${title}: ${jobs} jobs, ${clients} clients of each`, renderTable(columns, rows)];
}
