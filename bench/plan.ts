/** The order in which runs are made. Pure. */
import type { Scenario } from './scenario.js';

/** One run: a server under one load. */
export interface Step {
  /** From 1. */
  readonly round: number;
  readonly scenario: Scenario;
  readonly connections: number;
  readonly server: string;
}

/**
 * Rounds of A, B, C, A, B, C: servers that are compared run right after one another, so that a machine that
 * becomes slower or busier does so for all of them.
 */
export function interleave(
  scenarios: readonly Scenario[],
  servers: readonly string[],
  rounds: number,
): readonly Step[] {
  const steps: Step[] = [];
  for (let round = 1; round <= rounds; round++) {
    for (const scenario of scenarios) {
      for (const connections of scenario.connections) {
        for (const server of servers) steps.push({ round, scenario, connections, server });
      }
    }
  }
  return steps;
}

/** Each round begins with another server: what one leaves behind meets not always the same one. */
export function rotated<T>(all: readonly T[], round: number): readonly T[] {
  const first = round % all.length;
  return [...all.slice(first), ...all.slice(0, first)];
}

/** Shares `total` out so that parts differ by 1 at most, the larger ones first. */
export function shares(total: number, parts: number): readonly number[] {
  const least = Math.floor(total / parts);
  return Array.from({ length: parts }, (_, part) => least + (part < total % parts ? 1 : 0));
}
