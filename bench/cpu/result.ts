/** The shape of a result file of `npm run bench:cpu`: every run, and all that is needed to judge or repeat it. */
import type { Machine, ServerFacts } from '../results.js';
import type { CpuCase } from './case.js';
import type { Comparison, CpuSample } from './compare.js';
import type { Outcome } from './run-case.js';
import type { Amount } from './tools.js';

export interface CpuResult {
  readonly version: 2;
  readonly command: string;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly endedAt: string;
  readonly machine: Machine;
  readonly versions: { readonly node: string; readonly commit: string };
  readonly rounds: number;
  readonly amount: Amount;
  /** Of each server. */
  readonly workers: number;
  readonly accessLog: boolean;
  readonly reference: string;
  readonly cases: readonly CpuCase[];
  readonly servers: readonly ServerFacts[];
  /** Servers and cases that were not measured, and why. */
  readonly leftOut: readonly { readonly name: string; readonly reason: string }[];
  /** Of each server with an access log: lines in it over requests answered. */
  readonly logged: Readonly<Record<string, number>>;
  readonly comparisons: readonly Comparison[];
  readonly samples: readonly (CpuSample & Outcome)[];
}
