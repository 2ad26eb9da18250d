/**
 * Reads a file and its sidecars (`.br`, `.zst`, `.gz`) as one consistent state: each body is what the
 * file held at one moment, or there is no answer. Which file to read is for lookup.ts.
 *
 * Synchronous on purpose: this runs in a pool thread.
 */
import { type BigIntStats, closeSync, fstatSync, readSync } from 'node:fs';
import { contentTypeOf, isCompressible } from '../http/content-type.js';
import type { Coding } from '../http/reply.js';
import type { Found, FoundVariant, LookupRules } from './found.js';
import { contentEtag, identityOf, isSettled, lastModifiedMs, stampEtag } from './identity.js';
import { type Opened, openFile } from './safety.js';
import { ifReachable } from './trouble.js';

const SIDECARS: readonly { readonly coding: Coding; readonly extension: string }[] = [
  { coding: 'br', extension: '.br' },
  { coding: 'zstd', extension: '.zst' },
  { coding: 'gzip', extension: '.gz' },
];

const ATTEMPTS = 3;

/** Which file to read, and what to know about it. */
export interface ReadTask {
  /** Lexical path on disk. */
  readonly path: string;
  /** Decoded URL path of the file. */
  readonly urlPath: string;
  /** The identity already known; see LookupTask. */
  readonly known?: string | undefined;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

interface OpenVariant extends Opened {
  readonly coding: Coding;
}

/** Reads a file. Undefined when there is none that may be served; throws the system's error. */
export function readFile(task: ReadTask, rules: LookupRules): Found | undefined {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const found = attemptRead(task, rules);
    if (found !== 'changed') return found;
  }
  return { kind: 'busy', reason: `${task.path}: changes while it is read` };
}

function attemptRead(task: ReadTask, rules: LookupRules): Found | 'changed' | undefined {
  // Taken first, so that what is found can only be younger than it.
  const nowMs = task.now();
  const open: OpenVariant[] = [];
  try {
    const base = openFile(task.path, rules);
    if (base === undefined) return undefined;
    open.push({ ...base, coding: 'identity' });
    if (isCompressible(contentTypeOf(task.urlPath))) openSidecars(task.path, base.stat, rules, open);

    const settled = open.every((file) => isSettled(file.stat, nowMs));
    const identity = stateOf(task.urlPath, open, settled);
    if (settled && identity === task.known) return { kind: 'unchanged' };

    const variants: FoundVariant[] = [];
    for (const file of open) {
      const variant = readVariant(file, rules.maxBodyBytes, nowMs);
      if (variant === 'changed') return 'changed';
      variants.push(variant);
    }
    const isDirect = open.every(({ path, coding }) => path === task.path + extensionOf(coding));
    const mtimeMs = lastModifiedMs(base.stat);
    return { kind: 'file', urlPath: task.urlPath, identity, mtimeMs, isDirect, variants };
  } finally {
    for (const file of open) closeSync(file.fd);
  }
}

function openSidecars(path: string, base: BigIntStats, rules: LookupRules, open: OpenVariant[]): void {
  for (const { coding, extension } of SIDECARS) {
    // An extra that may not be read must not take its base down with it.
    const sidecar = ifReachable(() => openFile(path + extension, rules));
    if (sidecar === undefined) continue;
    open.push({ ...sidecar, coding });
    // Older than its base: made from what the base was before. Empty: no coding makes nothing of something.
    if (sidecar.stat.mtimeNs < base.mtimeNs || sidecar.stat.size === 0n) closeSync(open.pop()!.fd);
  }
}

function extensionOf(coding: Coding): string {
  return SIDECARS.find((sidecar) => sidecar.coding === coding)?.extension ?? '';
}

/** Identity of all variants together, and of where they were found. */
function stateOf(urlPath: string, open: readonly OpenVariant[], settled: boolean): string {
  const files = open.map((file) => `${file.coding}=${identityOf(file.stat)}`).join('|');
  return `${urlPath}|${files}${settled ? '' : '|unsettled'}`;
}

function readVariant(file: OpenVariant, maxBodyBytes: number, nowMs: number): FoundVariant | 'changed' {
  const { coding, path, stat } = file;
  const sizeBytes = Number(stat.size);
  const identity = identityOf(stat);
  if (sizeBytes > maxBodyBytes) {
    return { coding, path, sizeBytes, identity, body: null, etag: stampEtag(stat, coding, nowMs) };
  }
  const body = readUnchanged(file);
  if (body === 'changed') return 'changed';
  return { coding, path, sizeBytes, identity, body, etag: contentEtag(body, coding) };
}

/**
 * Reads a whole file into memory of its own, which can be transferred to another thread. `changed`: the
 * file is not, or did not stay, what its `stat` says.
 */
export function readUnchanged({ fd, stat }: Pick<Opened, 'fd' | 'stat'>): Buffer | 'changed' {
  const sizeBytes = Number(stat.size);
  const body = Buffer.allocUnsafeSlow(sizeBytes);
  let filled = 0;
  while (filled < sizeBytes) {
    const count = readSync(fd, body, filled, sizeBytes - filled, filled);
    if (count === 0) return 'changed';
    filled += count;
  }
  return identityOf(fstatSync(fd, { bigint: true })) === identityOf(stat) ? body : 'changed';
}
