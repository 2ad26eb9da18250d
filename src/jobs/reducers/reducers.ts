/** The reducers by name. */
import { basename } from 'node:path';
import type { PartOrder, ReducerName } from '../api.js';
import { concat } from './concat.js';
import { Count } from './count.js';
import { Lines } from './lines.js';
import { MergeJson } from './merge-json.js';
import { moduleReducer } from './module.js';
import type { Emit, Reducer } from './reducer.js';
import { Sum } from './sum.js';

/** Which reducer, and for which job. */
export interface ReducerChoice {
  readonly job: string;
  readonly reducer: ReducerName;
  /** Absolute; for `module`. */
  readonly modulePath?: string | undefined;
}

/** A reducer that begins. Throws, or rejects, when the user's module cannot be used. */
export function newReducer(choice: ReducerChoice, emit: Emit): Reducer | Promise<Reducer> {
  switch (choice.reducer) {
    case 'concat':
      return concat(emit);
    case 'lines':
      return new Lines(emit);
    case 'count':
      return new Count();
    case 'sum':
      return new Sum();
    case 'merge-json':
      return new MergeJson();
    case 'module':
      if (choice.modulePath === undefined) throw new Error('no module is set: REDUCER names it');
      return moduleReducer(choice.modulePath, choice.job, emit);
  }
}

/**
 * Whether the parts wait, on disk, until there are no more, because only then their order is known. If so, those that
 * were not reduced are no sign that the reducer is slow. What is counted or summed comes out the same in any order.
 */
export function waitsForAll(reducer: ReducerName, order: PartOrder): boolean {
  return order === 'name' && reducer !== 'count' && reducer !== 'sum';
}

/** For errors: the reducer, and over which part. */
export function titleOf({ reducer, modulePath }: ReducerChoice, part?: string): string {
  const name = reducer === 'module' && modulePath !== undefined ? basename(modulePath) : reducer;
  return part === undefined ? name : `${name}, part ${JSON.stringify(part)}`;
}
