/** What a client asks for with `POST /.handover/locks`, read from JSON. Pure. */
import type { LockRequest } from '../../tokens/listing.js';
import { tokenNameOf } from '../../tokens/names.js';
import { RESERVED } from '../paths.js';

/** Where locks and tokens are, and what the server keeps for itself below the document root. */
export const RESERVED_PATH = `/${RESERVED}`;

/** The longest that one request can wait: what a timer can hold, in whole days. */
export const MAX_WAIT_SECONDS = 24 * 86_400;
const MIN_TTL_SECONDS = 1;
const MAX_TTL_SECONDS = 3600;
const MAX_NAME_BYTES = 4096;
const MAX_WHO_LENGTH = 200;

/** What is taken for what a client leaves out. */
export interface LockDefaults {
  readonly waitSeconds: number;
  readonly ttlSeconds: number;
  readonly who: string;
}

/** What is asked cannot be: answered 400. */
export class BadLockRequest extends Error {
  override readonly name = 'BadLockRequest';
}

type Lock = Extract<LockRequest, { readonly op: 'lock' }>;

/** @throws BadLockRequest saying what would be right */
export function lockRequestOf(text: string, defaults: LockDefaults): Lock {
  const { file, mode, waitSeconds, ttlSeconds, who, ...others } = objectIn(text);
  const [other] = Object.keys(others);
  if (other !== undefined) {
    throw new BadLockRequest(`${other}: there are file, mode, waitSeconds, ttlSeconds and who`);
  }
  if (mode !== 'read' && mode !== 'write') throw new BadLockRequest('mode: must be "read" or "write"');
  const wait = numberIn('waitSeconds', waitSeconds ?? defaults.waitSeconds, 0, MAX_WAIT_SECONDS);
  return {
    op: 'lock',
    file: lockedName(file),
    mode,
    waitMs: Math.round(wait * 1000),
    ttlSeconds: numberIn('ttlSeconds', ttlSeconds ?? defaults.ttlSeconds, MIN_TTL_SECONDS, MAX_TTL_SECONDS),
    who: whoIn(who ?? defaults.who),
  };
}

/**
 * The token of a file that somebody names.
 *
 * @param file below the document root, not percent-encoded; of a directory it ends with `/`
 * @throws BadLockRequest
 */
export function lockedName(file: unknown): string {
  if (typeof file !== 'string' || file === '') {
    throw new BadLockRequest('file: must be the path of a file below the document root');
  }
  if (Buffer.byteLength(file) > MAX_NAME_BYTES) {
    throw new BadLockRequest(`file: must not be longer than ${MAX_NAME_BYTES} bytes`);
  }
  const path = file.startsWith('/') ? file : `/${file}`;
  const isDirectory = path.endsWith('/');
  const segments = path.slice(1, isDirectory ? -1 : undefined).split('/');
  const isRoot = path === '/';
  if (!isRoot && segments.some(cannotBe)) {
    throw new BadLockRequest('file: must be a path without empty names, . and .., and control characters');
  }
  if (path === RESERVED_PATH || path.startsWith(`${RESERVED_PATH}/`)) {
    throw new BadLockRequest(`file: ${RESERVED_PATH} is the server's own`);
  }
  return tokenNameOf(isRoot ? [] : segments, isDirectory);
}

function cannotBe(name: string): boolean {
  return name === '' || name === '.' || name === '..' || /[\0-\x1f\x7f]/.test(name);
}

function objectIn(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
  throw new BadLockRequest('the body: must be a JSON object, as {"file": "/notes.md", "mode": "write"}');
}

function numberIn(name: string, value: unknown, min: number, max: number): number {
  if (typeof value === 'number' && value >= min && value <= max) return value;
  throw new BadLockRequest(`${name}: must be a number from ${min} to ${max}`);
}

/** It is shown on terminals: no control characters. */
function whoIn(value: unknown): string {
  if (typeof value !== 'string') throw new BadLockRequest('who: must be a text');
  return value
    .replaceAll(/[\p{Cc}\p{Cf}\s]+/gu, ' ')
    .trim()
    .slice(0, MAX_WHO_LENGTH);
}
