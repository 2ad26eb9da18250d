/** The arguments of `npm run bench:cpu`. Pure. */
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { choose, count, names } from '../arguments.js';
import { CPU_CASES, type CpuCase, describe, describeGoal } from './case.js';
import type { Amount } from './tools.js';

export interface CpuOptions {
  readonly help: boolean;
  readonly list: boolean;
  readonly only: readonly string[];
  readonly also: readonly string[];
  readonly cases: readonly CpuCase[];
  /** Whose figures the others' are divided by; undefined: nginx, or else the second server. */
  readonly against: string | undefined;
  readonly rounds: number;
  readonly amount: Amount;
  readonly workers: number;
  readonly accessLog: boolean;
  /** Name of the files in bench/results, without extension; undefined: the time of the run. */
  readonly out: string | undefined;
}

export const CPU_HELP = `Usage: npm run bench:cpu -- [options]

What handover costs beside nginx: CPU time per request under wrk (keep-alive) and ab (a connection
per request), bytes per second of large files, and the memory of idle connections. Servers run in
interleaved rounds; shown are medians, ranges, ratios within each round, and whether they are what
they should be. 'native' and 'portable' are handover with that TRANSPORT.

  --servers NAMES      Servers to run [nginx,native,portable]; --only is the same
  --also 'NAME=MAIN_JS [FLAG...]'
                       One more handover: another build, or other flags; may be repeated, and
                       is to be named in --servers
  --against NAME       Whose figures are 1 [nginx]
  --case NAMES         Cases, as --list has them [all]
  --rounds N           Rounds [5]
  --seconds N          Length of each run with wrk [2]
  --requests N         Requests of each run with ab [20000]
  --workers N          Workers of each server [one per core]
  --no-log             Without an access log; else every server that has one writes it to a file
  --out NAME           Write bench/results/NAME.md and NAME.json
                       [the time of the run and -partial: git ignores those]
  --list               Print the cases and their targets
  --help               Print this

To see that everything works, in about two minutes:
  npm run bench:cpu -- --rounds 1 --seconds 1 --requests 2000
To compare a change with what was before it:
  npm run bench:cpu -- --servers handover,before --also before=../before/dist/src/main.js --against before
`;

/** Throws an error that says what is wrong with the arguments. */
export function parseCpuArguments(args: readonly string[]): CpuOptions {
  const { values } = parseArgs({
    args: [...args],
    allowNegative: true,
    options: {
      servers: { type: 'string' },
      only: { type: 'string' },
      also: { type: 'string', multiple: true, default: [] },
      against: { type: 'string' },
      case: { type: 'string' },
      rounds: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '2' },
      requests: { type: 'string', default: '20000' },
      workers: { type: 'string', default: String(availableParallelism()) },
      log: { type: 'boolean', default: true },
      out: { type: 'string' },
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  return {
    help: values.help,
    list: values.list,
    only: names(values.servers ?? values.only ?? 'nginx,native,portable'),
    also: values.also,
    cases: values.case === undefined ? CPU_CASES : chooseCases(names(values.case)),
    against: values.against,
    rounds: count(values.rounds, '--rounds'),
    amount: { seconds: count(values.seconds, '--seconds'), requests: count(values.requests, '--requests') },
    workers: count(values.workers, '--workers'),
    accessLog: values.log,
    out: values.out,
  };
}

/** Those named, and those that they are compared with, in the order of the table. */
function chooseCases(wanted: readonly string[]): readonly CpuCase[] {
  const chosen = choose(new Map(CPU_CASES.map((one) => [one.name, one])), wanted);
  const bases = chosen.flatMap(({ goals }) =>
    goals.flatMap(({ of }) => (of !== undefined && 'case' in of ? of.case : [])),
  );
  return CPU_CASES.filter((one) => chosen.includes(one) || bases.includes(one.name));
}

/** The cases and what each should reach, one a line. */
export function caseList(): string {
  const width = Math.max(...CPU_CASES.map(({ name }) => name.length));
  return CPU_CASES.map((one) => {
    const goals = one.goals.map((goal) => `${' '.repeat(width)}  ${describeGoal(goal)}\n`);
    return [`${one.name.padEnd(width)}  ${describe(one)}\n`, ...goals].join('');
  }).join('');
}
