/** The arguments of `npm run bench`. Pure. */
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { RESULTS } from './paths.js';
import type { Scenario } from './scenario.js';

export interface BenchOptions {
  readonly help: boolean;
  readonly quick: boolean;
  /** The servers to run; undefined: all. */
  readonly only: readonly string[] | undefined;
  /** More builds of handover, as written. */
  readonly also: readonly string[];
  readonly scenarios: readonly Scenario[];
  readonly rounds: number;
  readonly workers: number;
  readonly clients: number;
  readonly accessLog: boolean;
  readonly out: string;
  /** True when this is the whole benchmark, fit to be published. */
  readonly whole: boolean;
}

/** What is published. The other scenarios are run when they are asked for. */
export const STANDARD_SCENARIOS: readonly string[] = ['keep-alive-1k', 'per-request-1k'];
const ROUNDS = 3;
/** Enough for each connection to be used many times, without keep-alive not too many for a slow server. */
const QUICK_REQUESTS = 2_000;
const QUICK_LOADS = 2;

export const HELP = `Usage: npm run bench -- [options]

Measures handover, and beside it those servers that are installed, in interleaved rounds.

  --quick              One short round with few connections, in under a minute, to see that
                       all works
  --only NAMES         Only these servers, such as handover,nginx
  --also 'NAME=MAIN_JS [FLAG...]'
                       One more handover: another build, or other flags; may be repeated
  --scenario NAMES     Scenarios from bench/scenarios, or all
                       [${STANDARD_SCENARIOS.join(',')}]
  --connections LIST   Only these numbers of connections at once
  --requests N         Requests of each run, instead of what the scenario says
  --rounds N           Rounds; the tables show medians [${ROUNDS}]
  --workers N          Workers of each server [one per core]
  --clients N          Load generator processes [half the cores]
  --log                With an access log, of every server that has one
  --out DIR            Where results go [bench/results]
  --help               Print this

The npm servers are installed by: npm ci --prefix bench/peers
`;

/** Throws an error that says what is wrong with the arguments. */
export function parseBenchArguments(
  args: readonly string[],
  scenarios: ReadonlyMap<string, Scenario>,
): BenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string' },
      also: { type: 'string', multiple: true, default: [] },
      scenario: { type: 'string', default: STANDARD_SCENARIOS.join(',') },
      connections: { type: 'string' },
      requests: { type: 'string' },
      rounds: { type: 'string' },
      workers: { type: 'string' },
      clients: { type: 'string' },
      log: { type: 'boolean', default: false },
      out: { type: 'string', default: RESULTS },
      help: { type: 'boolean', default: false },
    },
  });
  const { quick, help, also, only, out } = values;
  const rounds = values.rounds === undefined ? undefined : count(values.rounds, '--rounds');
  const asked = names(values.scenario);
  const chosen = choose(scenarios, asked.includes('all') ? [...scenarios.keys()] : asked);
  const connections =
    values.connections === undefined
      ? undefined
      : names(values.connections).map((text) => count(text, '--connections'));
  const requests = values.requests === undefined ? undefined : count(values.requests, '--requests');
  const shortened =
    quick || requests !== undefined || connections !== undefined || (rounds ?? ROUNDS) < ROUNDS;
  const filtered =
    only !== undefined || !STANDARD_SCENARIOS.every((name) => chosen.includes(scenarios.get(name)!));
  return {
    help,
    quick,
    only: only === undefined ? undefined : names(only),
    also,
    scenarios: chosen.map((scenario) =>
      adapted(
        scenario,
        connections ?? (quick ? scenario.connections.slice(0, QUICK_LOADS) : scenario.connections),
        requests ?? (quick ? QUICK_REQUESTS : scenario.requests),
      ),
    ),
    rounds: rounds ?? (quick ? 1 : ROUNDS),
    workers: values.workers === undefined ? availableParallelism() : count(values.workers, '--workers'),
    clients:
      values.clients === undefined
        ? Math.max(1, Math.floor(availableParallelism() / 2))
        : count(values.clients, '--clients'),
    accessLog: values.log,
    out,
    whole: !shortened && !filtered && also.length === 0,
  };
}

/** `a,b` as a list. */
export function names(text: string): readonly string[] {
  return text.split(',').map((name) => name.trim());
}

/** A whole number from 1; throws an error that names the flag. */
export function count(text: string, flag: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1)
    throw new Error(`${flag} ${text}: not a whole number from 1`);
  return value;
}

/** The entries of these names; throws an error that lists those there are. */
export function choose<T>(all: ReadonlyMap<string, T>, wanted: readonly string[]): readonly T[] {
  return wanted.map((name) => {
    const found = all.get(name);
    if (found === undefined) throw new Error(`there is no ${name}; there are ${[...all.keys()].join(', ')}`);
    return found;
  });
}

/** autocannon wants at least one request for each connection. */
function adapted(scenario: Scenario, connections: readonly number[], requests: number): Scenario {
  return { ...scenario, connections, requests: Math.max(requests, ...connections) };
}
