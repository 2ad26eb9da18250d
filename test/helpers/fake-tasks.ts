/** The work of pool threads, done by the test: what is found under a path, and what compression makes of it. */
import type { Found, FoundFile, FoundVariant, LookupTask } from '../../src/files/found.js';
import type { FileTasks } from '../../src/files/store.js';
import type { Coding } from '../../src/http/reply.js';
import { Later } from './later.js';

export class FakeTasks implements FileTasks {
  codings: Coding[] = ['br', 'gzip'];
  /** Answers by path; `missing` for all others. A promise, or a function, when it is not to be there at once. */
  readonly found = new Map<string, Found | Promise<Found> | ((task: LookupTask) => Found | Promise<Found>)>();
  readonly lookups: LookupTask[] = [];
  readonly compressions: string[] = [];
  /** Compression waits for this. */
  gate: Promise<unknown> = Promise.resolve();
  /** How large compression makes what it is given. */
  ratio = 0.5;

  async lookup(task: LookupTask): Promise<Found> {
    this.lookups.push(task);
    const answer = this.found.get(task.rawPath) ?? { kind: 'missing' };
    const found = await (typeof answer === 'function' ? answer(task) : answer);
    const isKnown = 'identity' in found && found.identity === task.known;
    return isKnown ? { kind: 'unchanged' } : found;
  }

  async compress(bytes: Uint8Array, coding: Coding): Promise<Uint8Array> {
    this.compressions.push(coding);
    await this.gate;
    return Buffer.alloc(Math.floor(bytes.length * this.ratio), coding);
  }

  /** Makes the answer for a path wait until the test gives it. */
  later(path: string): Later<Found> {
    const answer = new Later<Found>();
    this.found.set(path, answer.promise);
    return answer;
  }
}

export const MODIFIED_MS = Date.UTC(2024, 0, 2, 3, 4, 5);
export const MODIFIED = 'Tue, 02 Jan 2024 03:04:05 GMT';

/** A file in memory, as a lookup finds it. `version` makes one state of it differ from another. */
export function foundFile(urlPath: string, text: string, version = 1): FoundFile {
  return {
    kind: 'file',
    isDirect: true,
    urlPath,
    identity: `${urlPath} ${version}`,
    mtimeMs: MODIFIED_MS,
    variants: [foundVariant(urlPath, text, { etag: `"${urlPath}-${version}"` })],
  };
}

/** One stored form, in memory unless said otherwise. */
export function foundVariant(
  path: string,
  text: string,
  overrides: Partial<FoundVariant> = {},
): FoundVariant {
  const body = Buffer.from(text);
  return {
    coding: 'identity',
    path,
    sizeBytes: body.length,
    identity: path,
    body,
    etag: `"${path}"`,
    ...overrides,
  };
}
