/** The files that are served during a benchmark. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Scenario } from './scenario.js';

export interface Site {
  readonly directory: string;
  /** Content by path, from `/`. */
  readonly files: ReadonlyMap<string, Buffer>;
}

/** Makes the directory with the files that are asked for. */
export function makeSite(directory: string, asked: readonly Pick<Scenario, 'path' | 'sizeBytes'>[]): Site {
  const files = new Map(asked.map(({ path, sizeBytes }) => [path, content(sizeBytes)]));
  mkdirSync(directory);
  for (const [path, bytes] of files) writeFileSync(join(directory, path), bytes);
  return { directory, files };
}

const LINE = 'A connection is a thing that can be handed over.\n';

/** Text, the same at every call. */
export function content(sizeBytes: number): Buffer {
  return Buffer.from(LINE.repeat(Math.ceil(sizeBytes / LINE.length)).slice(0, sizeBytes), 'latin1');
}
