/**
 * How a state of a file is told from another, and its entity tags. Pure.
 *
 * An identity proves that nothing changed only if every change shows in it. The kernel stamps mtime and
 * ctime from a coarse clock (a tick of 1 to 10 ms before Linux 6.13, and wherever fine stamps are not
 * supported), so two writes within one tick leave the same stamps, and if the size is the same too, the
 * second cannot be seen. A state that is looked at so soon after its last change is therefore called
 * unsettled: it is never taken for what is known already, and its identity differs from the settled one
 * of the same stamps. So the file is read again until the stamps are old enough to be believed.
 */
import { hash } from 'node:crypto';
import type { BigIntStats } from 'node:fs';
import type { Coding } from '../http/reply.js';

/** Twice the coarsest tick of the clock that kernels stamp files with (CONFIG_HZ=100): a tick can be late. */
const SETTLED_NS = 20_000_000n;
/** 22 characters of base64url hold 132 bits of the digest. */
const DIGEST_CHARS = 22;
/** Farthest time from the epoch that a Date holds; file systems hold more. */
const MAX_TIME_MS = 8.64e15;

/** `dev:ino:size:mtimeNs:ctimeNs`: equal for two looks at a file in the same state. */
export function identityOf(stat: BigIntStats): string {
  return `${stat.dev}:${stat.ino}:${stat.size}:${stat.mtimeNs}:${stat.ctimeNs}`;
}

/** True when a later change would leave other stamps: see above. `nowMs` is the time of the look. */
export function isSettled(stat: BigIntStats, nowMs: number): boolean {
  const nowNs = BigInt(Math.floor(nowMs)) * 1_000_000n;
  // A ctime from the future (a clock set back, or a file server's) tells nothing. An mtime from the
  // future is common, since anyone may set it; then ctime alone tells of changes.
  if (nowNs - stat.ctimeNs < SETTLED_NS) return false;
  const age = nowNs - stat.mtimeNs;
  return age >= SETTLED_NS || age <= -SETTLED_NS;
}

/** Last modification in whole seconds, as HTTP dates can say it, in milliseconds since the epoch. */
export function lastModifiedMs(stat: BigIntStats): number {
  const ms = Math.floor(Number(stat.mtimeMs) / 1000) * 1000;
  return Math.min(Math.max(ms, -MAX_TIME_MS), MAX_TIME_MS);
}

/** Strong entity tag, with its quotes, of content that is in memory. */
export function contentEtag(content: Uint8Array | string, coding: Coding = 'identity'): string {
  return withCoding(`"${digest(content)}"`, coding);
}

/**
 * Strong entity tag of a file that is too large to be hashed for each look, from size and mtime. An
 * unsettled state gets a tag of the moment, which no later state can share.
 */
export function stampEtag(stat: BigIntStats, coding: Coding, nowMs: number): string {
  const once = isSettled(stat, nowMs) ? '' : `-${Math.floor(nowMs).toString(16)}`;
  return withCoding(`"${stat.size.toString(16)}-${stat.mtimeNs.toString(16)}${once}"`, coding);
}

/** The tag of the same content in another coding: a representation of its own (RFC 9110 section 8.8.3.3). */
export function withCoding(etag: string, coding: Coding): string {
  return coding === 'identity' ? etag : `${etag.slice(0, -1)}-${coding}"`;
}

/** Short digest of content: a truncated SHA-256 in base64url. */
export function digest(content: Uint8Array | string): string {
  return hash('sha256', content, 'base64url').slice(0, DIGEST_CHARS);
}
