/**
 * Entry of a pool thread: the tasks that files/ gives to the pool, by name. What they do stands in
 * lookup.ts and compress.ts.
 */
import type { Coding } from '../http/reply.js';
import { defineTask, threadData } from '../pool/task.js';
import { compress as compressBytes } from './compress.js';
import type { Found, LookupRules, LookupTask } from './found.js';
import { lookup as lookupPath } from './lookup.js';

/** What the pool is given for its threads. */
export interface FileThreadData {
  readonly rules: LookupRules;
}

/** What is to be compressed, and how. */
export interface CompressTask {
  readonly bytes: Uint8Array;
  readonly coding: Coding;
}

const { rules } = threadData<FileThreadData>();

/** Finds what a request path means. */
export const lookup = defineTask((task: LookupTask) => lookupPath(task, rules), memoryOf);

/** Compresses a whole body. */
export const compress = defineTask(
  ({ bytes, coding }: CompressTask) => compressBytes(bytes, coding),
  (compressed) => [compressed.buffer],
);

/** The memory of the bodies that a lookup has read. */
function memoryOf(found: Found): ArrayBufferLike[] {
  switch (found.kind) {
    case 'file':
      return found.variants.flatMap(({ body }) => (body === null ? [] : [body.buffer]));
    case 'listing':
      return [found.html.buffer, found.json.buffer];
    default:
      return [];
  }
}
