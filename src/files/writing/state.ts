/** The present state of a file, as a GET would tell it, for preconditions. */
import type { Stats } from 'node:fs';
import { open, readFile, stat } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { type ConditionalRequest, evaluateConditions } from '../../http/conditionals.js';
import type { Coding } from '../../http/reply.js';
import type { RequestHead } from '../../http/request-head.js';
import { contentEtag, isSettled, stampEtag, withCoding } from '../identity.js';
import { Refusal } from './refusal.js';
import { statOf } from './target.js';

/** Time after which the stamps of a file tell it from the same file changed again: see identity.ts. */
const SETTLE_MS = 5;

const SIDECARS: readonly (readonly [Coding, string])[] = [
  ['br', '.br'],
  ['zstd', '.zst'],
  ['gzip', '.gz'],
];
const CODINGS = SIDECARS.map(([coding]) => coding);

/**
 * Gives a file that is about to be published a time of change of its own. Bodies that came at the same moment may have
 * the same one, and where the tag is made of that, different content would have one tag. To be called under the token,
 * which is held until that time is over.
 */
export async function stamp(path: string): Promise<void> {
  const file = await open(path, 'r+');
  try {
    // Under other names files are published at the same time; kernels stamp no finer than some milliseconds.
    const seconds = (Date.now() - Math.random()) / 1000;
    await file.utimes(seconds, seconds);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Strong entity tag of a file, the same that a GET gives of its plain form. @param maxBodyBytes CACHE_MAX_FILE_KB */
export async function etagOf(path: string, maxBodyBytes: number): Promise<string> {
  if ((await stat(path)).size <= maxBodyBytes) return contentEtag(await readFile(path));
  const file = await open(path, 'r');
  try {
    let nowMs = Date.now();
    let found = await file.stat({ bigint: true });
    // A tag of the moment would be another one with each look.
    for (let tries = 0; tries < 20 && !isSettled(found, nowMs); tries++) {
      await delay(SETTLE_MS);
      nowMs = Date.now();
      found = await file.stat({ bigint: true });
    }
    return stampEtag(found, 'identity', nowMs);
  } finally {
    await file.close();
  }
}

/**
 * Whether the request may be carried out in the present state (RFC 9110 section 13). Rejects with Refusal 412.
 *
 * @param found what is there; undefined: nothing
 */
export async function checkConditions(
  head: RequestHead,
  path: string,
  found: Stats | undefined,
  maxBodyBytes: number,
): Promise<void> {
  const ifMatch = head.field('if-match');
  const ifNoneMatch = head.field('if-none-match');
  const ifUnmodifiedSince = head.field('if-unmodified-since');
  if (ifMatch === undefined && ifNoneMatch === undefined && ifUnmodifiedSince === undefined) return;
  if (found === undefined) {
    // No present state matches anything, and none is no `*` (section 13.1.1).
    if (ifMatch !== undefined) throw failed();
    return;
  }
  const needsTag = [ifMatch, ifNoneMatch].some((value) => value !== undefined && value !== '*');
  const etag = needsTag && found.isFile() ? await etagOf(path, maxBodyBytes) : '"none"';
  // A client that was given a compressed form knows the state by the tag of that form.
  const forms = needsTag && found.isFile() ? await formTagsOf(path, found, maxBodyBytes) : [];
  const tags = [etag, ...CODINGS.map((coding) => withCoding(etag, coding)), ...forms];
  const lastModifiedMs = Math.floor(found.mtimeMs / 1000) * 1000;
  const proceeds = (conditions: Omit<ConditionalRequest, 'method'>, tag: string): boolean => {
    const request = { method: head.methodText, ...conditions };
    return evaluateConditions(request, { etag: tag, lastModifiedMs }, Date.now()) === 'proceed';
  };
  const holds =
    tags.some((tag) => proceeds({ ifMatch, ifUnmodifiedSince }, tag)) &&
    tags.every((tag) => proceeds({ ifNoneMatch }, tag));
  if (!holds) throw failed();
}

/** Tags of the compressed forms beside a file that are sent for it. */
async function formTagsOf(path: string, found: Stats, maxBodyBytes: number): Promise<string[]> {
  const tags: string[] = [];
  for (const [coding, ending] of SIDECARS) {
    const form = await statOf(path + ending);
    if (form?.isFile() !== true || form.mtimeMs < found.mtimeMs) continue;
    tags.push(withCoding(await etagOf(path + ending, maxBodyBytes), coding));
  }
  return tags;
}

function failed(): Refusal {
  return new Refusal(412, 'The file is not in the state that the request asks for.');
}
