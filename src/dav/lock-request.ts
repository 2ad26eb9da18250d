/** What LOCK and UNLOCK ask for (RFC 4918 sections 9.10, 9.11, 10.5 and 10.7). Pure. */
import { contentOf, DAV, elementIn, elementsIn, type XmlElement, XmlError } from './xml.js';

export interface LockInfo {
  readonly scope: 'exclusive' | 'shared';
  /** XML that stands for itself; `''`: none was given. */
  readonly owner: string;
}

/** For how long a lock is, unless its client asks for less. Whoever wants more refreshes it. */
export const MAX_TIMEOUT_SECONDS = 3600;

/** Reads the body of a LOCK. @throws XmlError */
export function lockInfoOf(root: XmlElement): LockInfo {
  if (root.ns !== DAV || root.name !== 'lockinfo') throw new XmlError('the body is no DAV:lockinfo');
  const scopes = elementsIn(root, 'lockscope').flatMap((scope) => elementsIn(scope));
  const [scope] = scopes;
  const type = elementIn(root, 'locktype');
  if (type === undefined || elementIn(type, 'write') === undefined) {
    throw new XmlError('DAV:locktype must be DAV:write');
  }
  if (scopes.length !== 1 || scope?.ns !== DAV || (scope.name !== 'exclusive' && scope.name !== 'shared')) {
    throw new XmlError('DAV:lockscope must be DAV:exclusive or DAV:shared');
  }
  const owner = elementIn(root, 'owner');
  return { scope: scope.name, owner: owner === undefined ? '' : contentOf(owner) };
}

/** The first that a Timeout header asks for and that is understood, bounded. */
export function timeoutOf(value: string | undefined): number {
  for (const part of (value ?? '').split(',')) {
    const [, seconds] = /^\s*Second-(\d+)\s*$/i.exec(part) ?? [];
    if (seconds !== undefined) return Math.min(Math.max(Number(seconds), 1), MAX_TIMEOUT_SECONDS);
    if (/^\s*Infinite\s*$/i.test(part)) break;
  }
  return MAX_TIMEOUT_SECONDS;
}

/** The token in a Lock-Token header; undefined when it is none. */
export function lockTokenOf(value: string | undefined): string | undefined {
  return /^<([^<>\s]+)>$/.exec(value ?? '')?.[1];
}
