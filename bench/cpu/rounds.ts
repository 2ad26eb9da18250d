/** The rounds of a comparison: every case on every server, one after another, again and again. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../../src/errors.js';
import { rotated } from '../plan.js';
import type { Progress } from '../progress.js';
import { number } from '../report/cells.js';
import type { Contender } from '../servers/contender.js';
import type { Fleet } from '../servers/fleet.js';
import type { AccessLogs } from './access-logs.js';
import { type CpuCase, type Figure, mainFigure } from './case.js';
import type { CpuSample } from './compare.js';
import type { Outcome, Runner } from './run-case.js';

export interface Rounds {
  readonly rounds: number;
  readonly cases: readonly CpuCase[];
  /** Those that run. */
  readonly contenders: readonly Contender[];
  readonly workDirectory: string;
}

const UNITS: Readonly<Record<Figure, string>> = {
  cpuPerRequestUs: 'µs of CPU',
  cpuPerMegabyteUs: 'µs of CPU',
  megabytesPerSecond: 'MB/s',
  memoryGrowthMb: 'MB',
  bytesPerConnection: 'bytes',
};
/** Servers write what they have gathered for their logs at least twice a second. */
const LOG_WRITTEN_MS = 1_000;

/** Rejects only when the signal is given. */
export async function runRounds(
  plan: Rounds,
  fleet: Fleet,
  runner: Runner,
  logs: AccessLogs,
  progress: Progress,
  signal: AbortSignal,
): Promise<readonly (CpuSample & Outcome)[]> {
  const { rounds, cases, contenders, workDirectory } = plan;
  const samples: (CpuSample & Outcome)[] = [];
  const ended = new Set<string>();
  const collect = (name: string): void => logs.collect(name, join(workDirectory, name, 'access.log'));
  // Round 0 is for the servers to get past their start.
  for (let round = 0; round <= rounds; round++) {
    for (const one of cases) {
      if (one.kind === 'idle' && round > one.mostRounds) continue;
      for (const contender of rotated(contenders, round)) {
        const { name } = contender;
        if (ended.has(name)) continue;
        const position = `${round === 0 ? 'warming up' : `round ${round}/${rounds}`}, ${one.name}: ${name}`;
        progress.update(position);
        const outcome = await attempt(signal, async () => {
          const server = fleet.get(name);
          if (typeof server === 'string') throw new Error(server);
          if (round > 0) return runner.run(one, server, contender, round);
          await runner.warmUp(one, server);
          return undefined;
        });
        collect(name);
        // Said once: it will not be better in the runs that follow.
        if (typeof fleet.get(name) === 'string') ended.add(name);
        if (outcome === undefined) continue;
        if (outcome.problems.length > 0) progress.line(`${position} failed: ${outcome.problems.join('; ')}`);
        if (round === 0 && !ended.has(name)) continue;
        samples.push({ round, case: one.name, server: name, ...outcome });
        const main = mainFigure(one);
        const value = outcome.figures[main];
        if (value !== undefined) progress.plain(`${position} ${number(value, 2)} ${UNITS[main]}`);
      }
    }
  }
  await sleep(LOG_WRITTEN_MS, undefined, { signal });
  for (const { name } of contenders) collect(name);
  return samples;
}

async function attempt<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T | Outcome> {
  try {
    return await work();
  } catch (error) {
    signal.throwIfAborted();
    return { figures: {}, problems: [messageOf(error)] };
  }
}
