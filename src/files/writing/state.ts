/** The present state of a file, as a GET would tell it, for preconditions. */
import type { Stats } from 'node:fs';
import { open, readFile, stat } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { evaluateConditions } from '../../http/conditionals.js';
import { parseEntityTagList } from '../../http/etag.js';
import type { RequestHead } from '../../http/request-head.js';
import { contentEtag, isSettled, stampEtag } from '../identity.js';
import { Refusal } from './refusal.js';

/** Time after which the stamps of a file tell it from the same file changed again: see identity.ts. */
const SETTLE_MS = 5;

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
  const current = { etag, lastModifiedMs: Math.floor(found.mtimeMs / 1000) * 1000 };
  const request = { method: head.methodText, ifNoneMatch, ifUnmodifiedSince };
  // A client that was given a compressed form knows the state by the tag of that form.
  const matches = [ifMatch, ifMatch && withoutCodings(ifMatch)].some(
    (value) => evaluateConditions({ ...request, ifMatch: value }, current, Date.now()) === 'proceed',
  );
  if (!matches) throw failed();
}

function withoutCodings(tags: string): string {
  return parseEntityTagList(tags) === undefined ? tags : tags.replace(/-(?:gzip|br|zstd)"/g, '"');
}

function failed(): Refusal {
  return new Refusal(412, 'The file is not in the state that the request asks for.');
}
