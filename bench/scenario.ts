/** The scenario files: what is asked for, how often and by how many at once. They do not change; new ones are added. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Scenario {
  /** The file's name without `.json`. */
  readonly name: string;
  readonly title: string;
  /** What is requested, from `/`. */
  readonly path: string;
  /** Length of the file that is served there. */
  readonly sizeBytes: number;
  /** False: each request has a connection of its own. */
  readonly keepAlive: boolean;
  /** How many connections at once, one run for each. */
  readonly connections: readonly number[];
  /** Requests of one run. */
  readonly requests: number;
}

/** Every scenario of a directory, by name. Throws on a file that is no scenario, naming it. */
export function loadScenarios(directory: string): ReadonlyMap<string, Scenario> {
  const files = readdirSync(directory).filter((file) => file.endsWith('.json'));
  return new Map(
    files.sort().map((file) => {
      const scenario = parseScenario(readFileSync(join(directory, file), 'utf8'), file);
      return [scenario.name, scenario];
    }),
  );
}

/** Throws an error that names the file and what is wrong. */
export function parseScenario(text: string, file: string): Scenario {
  const fail = (problem: string): never => {
    throw new Error(`${file}: ${problem}`);
  };
  const fields: unknown = JSON.parse(text);
  if (typeof fields !== 'object' || fields === null) return fail('is no object');
  const { name, title, path, sizeBytes, keepAlive, connections, requests } = fields as Record<
    string,
    unknown
  >;
  if (name !== file.replace(/\.json$/, '')) return fail('name is not the name of the file');
  if (typeof title !== 'string') return fail('title is no text');
  if (typeof path !== 'string' || !/^\/[\w.-]+$/.test(path)) return fail('path is not / and a file name');
  if (!isCount(sizeBytes)) return fail('sizeBytes is no whole number from 1');
  if (typeof keepAlive !== 'boolean') return fail('keepAlive is not true or false');
  if (!Array.isArray(connections) || connections.length === 0 || !connections.every(isCount)) {
    return fail('connections is no list of whole numbers from 1');
  }
  if (!isCount(requests) || requests < Math.max(...connections)) {
    return fail('requests is no whole number, or below the number of connections');
  }
  return { name: String(name), title, path, sizeBytes, keepAlive, connections, requests };
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 1;
}
