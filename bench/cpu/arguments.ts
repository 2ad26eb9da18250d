/** The arguments of `npm run bench:cpu`. Pure. */
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { choose, count, names } from '../arguments.js';
import { CPU_CASES, type CpuCase } from './case.js';
import type { Amount } from './tools.js';

export interface CpuOptions {
  readonly help: boolean;
  readonly only: readonly string[];
  readonly also: readonly string[];
  readonly cases: readonly CpuCase[];
  /** Whose CPU time the others' is divided by; undefined: the first of nginx and the servers after the first. */
  readonly against: string | undefined;
  readonly rounds: number;
  readonly amount: Amount;
  readonly workers: number;
  readonly accessLog: boolean;
  /** Where the single runs go; undefined: nowhere. */
  readonly json: string | undefined;
}

export const CPU_HELP = `Usage: npm run bench:cpu -- [options]

The CPU time per request of handover and nginx under wrk (keep-alive) and ab (a connection per
request), in interleaved rounds: medians, ranges, and the ratio within each round.

  --only NAMES         Servers to run [handover,nginx]
  --also 'NAME=MAIN_JS [FLAG...]'
                       One more handover: another build, or other flags; may be repeated
  --against NAME       Whose CPU time is 1 [nginx]
  --case NAMES         Cases: ${CPU_CASES.map(({ name }) => name).join(', ')} [all]
  --rounds N           Rounds [5]
  --seconds N          Length of each run with wrk [2]
  --requests N         Requests of each run with ab [20000]
  --workers N          Workers of each server [one per core]
  --log                With an access log, of every server that has one
  --json FILE          Write the single runs to FILE
  --help               Print this

To compare a change with what was before it:
  npm run bench:cpu -- --only handover,before --also before=../before/dist/src/main.js --against before
`;

/** Throws an error that says what is wrong with the arguments. */
export function parseCpuArguments(args: readonly string[]): CpuOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string', default: 'handover,nginx' },
      also: { type: 'string', multiple: true, default: [] },
      against: { type: 'string' },
      case: { type: 'string' },
      rounds: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '2' },
      requests: { type: 'string', default: '20000' },
      workers: { type: 'string', default: String(availableParallelism()) },
      log: { type: 'boolean', default: false },
      json: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  const cases = new Map(CPU_CASES.map((one) => [one.name, one]));
  return {
    help: values.help,
    only: names(values.only),
    also: values.also,
    cases: values.case === undefined ? CPU_CASES : choose(cases, names(values.case)),
    against: values.against,
    rounds: count(values.rounds, '--rounds'),
    amount: { seconds: count(values.seconds, '--seconds'), requests: count(values.requests, '--requests') },
    workers: count(values.workers, '--workers'),
    accessLog: values.log,
    json: values.json,
  };
}
