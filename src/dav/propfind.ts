/** PROPFIND (RFC 4918 section 9.1): what is asked for, and the properties of each resource. */
import { statfs } from 'node:fs/promises';
import { setImmediate as turn } from 'node:timers/promises';
import { lastModifiedMs } from '../files/identity.js';
import { encodePath } from '../files/paths.js';
import { contentTypeOf } from '../http/content-type.js';
import { formatHttpDate } from '../http/http-date.js';
import type { Reply } from '../http/reply.js';
import type { DeadProperties } from './dead-properties.js';
import type { Etags, ReadBudget } from './etags.js';
import type { LockStore } from './locks.js';
import {
  davError,
  lockdiscovery,
  multistatus,
  type Propstat,
  type ResourceResponse,
  SUPPORTED_LOCK,
} from './multistatus.js';
import { membersOf, type Resource, type Sight } from './resources.js';
import { DAV, elementIn, elementsIn, escapeXml, type XmlElement, XmlError } from './xml.js';

export interface PropertyName {
  readonly ns: string;
  readonly name: string;
}

/** What a client wants to know. */
export type Wanted =
  | { readonly kind: 'names' }
  /** All but what is dear, and what `also` names. */
  | { readonly kind: 'all'; readonly also: readonly PropertyName[] }
  | { readonly kind: 'some'; readonly names: readonly PropertyName[] };

export interface PropertySources {
  readonly sight: Sight;
  readonly dead: DeadProperties;
  readonly locks: LockStore;
  readonly etags: Etags;
}

/** Of one answer. */
interface Look extends PropertySources {
  readonly deadOf: ReturnType<DeadProperties['snapshot']>;
  readonly locksOf: ReturnType<LockStore['snapshot']>;
  readonly budget: ReadBudget;
}

/** Resources that are looked at together. */
const BATCH = 32;
/** Resources that one answer tells of, where the client asks for all below. */
const MAX_DEEP = 10_000;
const MAX_MEMBERS = 100_000;
/** What may be read to make entity tags for one answer. */
const MAX_READ_BYTES = 64 * 1024 * 1024;

/** Live properties, in the order in which they are told. The last two are told only when they are named (RFC 4331). */
const LIVE = [
  'creationdate',
  'getcontentlength',
  'getcontenttype',
  'getetag',
  'getlastmodified',
  'resourcetype',
  'supportedlock',
  'lockdiscovery',
  'quota-available-bytes',
  'quota-used-bytes',
] as const;
const DEAR: readonly string[] = ['quota-available-bytes', 'quota-used-bytes'];

/** True for what the server itself says of a resource, and nobody may set. */
export function isLive({ ns, name }: PropertyName): boolean {
  return ns === DAV && (LIVE as readonly string[]).includes(name);
}

/** Reads the body of a PROPFIND; none at all asks for everything. @throws XmlError */
export function wantedIn(root: XmlElement | undefined): Wanted {
  if (root === undefined) return { kind: 'all', also: [] };
  if (root.ns !== DAV || root.name !== 'propfind') throw new XmlError('the body is no DAV:propfind');
  const kinds = ['propname', 'allprop', 'prop'].filter((name) => elementIn(root, name) !== undefined);
  if (kinds.length !== 1)
    throw new XmlError('a DAV:propfind has one of DAV:propname, DAV:allprop and DAV:prop');
  const namesIn = (name: string): PropertyName[] => elementsIn(root, name).flatMap((of) => elementsIn(of));
  if (kinds[0] === 'propname') return { kind: 'names' };
  return kinds[0] === 'allprop'
    ? { kind: 'all', also: namesIn('include') }
    : { kind: 'some', names: namesIn('prop') };
}

/** Answers for a resource and, as Depth says, for what lies in it. */
export async function propfind(
  top: Resource,
  depth: '0' | '1' | 'infinity',
  wanted: Wanted,
  sources: PropertySources,
): Promise<Reply> {
  const resources = await gather(top, depth, sources.sight);
  if (resources === 'too-many') {
    return depth === 'infinity'
      ? davError(403, 'propfind-finite-depth')
      : davError(507, 'number-of-matches-within-limits');
  }
  const look: Look = {
    ...sources,
    deadOf: sources.dead.snapshot(),
    locksOf: sources.locks.snapshot(),
    budget: { bytes: MAX_READ_BYTES },
  };
  const responses: ResourceResponse[] = [];
  for (let i = 0; i < resources.length; i += BATCH) {
    const batch = resources.slice(i, i + BATCH);
    responses.push(...(await Promise.all(batch.map((resource) => responseOf(resource, wanted, look)))));
    // Others have their turn, also where the disk is not asked.
    await turn();
  }
  return multistatus(responses);
}

async function gather(
  top: Resource,
  depth: '0' | '1' | 'infinity',
  sight: Sight,
): Promise<Resource[] | 'too-many'> {
  const found = [top];
  if (depth === '0') return found;
  const max = depth === '1' ? MAX_MEMBERS : MAX_DEEP;
  // Links may lead in circles; a directory is entered once.
  const entered = new Set<string>();
  const pending = [top];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const inode = `${next.stat.dev}:${next.stat.ino}`;
    if (!next.isCollection || entered.has(inode)) continue;
    entered.add(inode);
    for await (const member of membersOf(next, sight)) {
      found.push(member);
      if (found.length > max) return 'too-many';
      if (depth === 'infinity') pending.push(member);
    }
  }
  return found;
}

async function responseOf(resource: Resource, wanted: Wanted, look: Look): Promise<ResourceResponse> {
  const href = encodePath(resource.segments, resource.isCollection);
  const dead = await look.deadOf(resource.key);
  if (wanted.kind === 'names') {
    const live = LIVE.filter((name) => isTold(name, resource)).map((name) => `<D:${name}/>`);
    return propstatsOf(href, [...live, ...dead.map(emptyElement)], []);
  }
  const found: string[] = [];
  const missing: string[] = [];
  const named = wanted.kind === 'some' ? wanted.names : wanted.also;
  if (wanted.kind === 'all') {
    for (const name of LIVE) {
      if (DEAR.includes(name)) continue;
      const value = await liveProperty(name, resource, look);
      if (value !== undefined) found.push(value);
    }
    found.push(...dead.map(({ xml }) => xml));
  }
  for (const name of named) {
    const isToldAlready =
      wanted.kind === 'all' && (isLive(name) ? !DEAR.includes(name.name) : isIn(dead, name));
    if (isToldAlready) continue;
    const value = isLive(name)
      ? await liveProperty(name.name, resource, look)
      : dead.find((property) => isSame(property, name))?.xml;
    if (value === undefined) missing.push(emptyElement(name));
    else found.push(value);
  }
  return propstatsOf(href, found, missing);
}

function propstatsOf(href: string, found: readonly string[], missing: readonly string[]): ResourceResponse {
  const propstats: Propstat[] = [];
  if (found.length > 0 || missing.length === 0) propstats.push({ status: 200, properties: found });
  if (missing.length > 0) propstats.push({ status: 404, properties: missing });
  return { href, propstats };
}

function isTold(name: string, { isCollection }: Resource): boolean {
  if (name.startsWith('quota-')) return isCollection;
  return !isCollection || !['getcontentlength', 'getcontenttype', 'getetag'].includes(name);
}

async function liveProperty(
  name: string,
  resource: Resource,
  { sight, locks, locksOf, etags, budget }: Look,
): Promise<string | undefined> {
  if (!isTold(name, resource)) return undefined;
  const { stat, segments, key, isCollection } = resource;
  const element = (value: string): string => `<D:${name}>${escapeXml(value)}</D:${name}>`;
  switch (name) {
    case 'creationdate':
      return element(new Date(birthMs(resource)).toISOString());
    case 'getcontentlength':
      return element(String(stat.size));
    case 'getcontenttype':
      return element(contentTypeOf(segments.at(-1) ?? ''));
    case 'getetag': {
      const etag = await etags.of(resource, budget);
      return etag === undefined ? undefined : element(etag);
    }
    case 'getlastmodified':
      return element(formatHttpDate(lastModifiedMs(stat)));
    case 'resourcetype':
      return isCollection ? '<D:resourcetype><D:collection/></D:resourcetype>' : '<D:resourcetype/>';
    case 'supportedlock':
      return SUPPORTED_LOCK;
    case 'lockdiscovery':
      return lockdiscovery(
        await locksOf(key),
        (lock) => locks.remainingSeconds(lock),
        (lock) => encodePath(lock.path),
      );
    default: {
      const { bavail, blocks, bfree, bsize } = await statfs(sight.root);
      return element(String((name === 'quota-used-bytes' ? blocks - bfree : bavail) * bsize));
    }
  }
}

/** Not all file systems know when a file was made. */
function birthMs({ stat }: Resource): number {
  const birthMs = Number(stat.birthtimeMs);
  return birthMs > 0 && birthMs < 8.64e15 ? birthMs : lastModifiedMs(stat);
}

function isSame(a: PropertyName, b: PropertyName): boolean {
  return a.ns === b.ns && a.name === b.name;
}

function isIn(properties: readonly PropertyName[], name: PropertyName): boolean {
  return properties.some((property) => isSame(property, name));
}

/** The name of a property alone. */
export function emptyElement({ ns, name }: PropertyName): string {
  return ns === DAV ? `<D:${name}/>` : `<${name} xmlns="${escapeXml(ns)}"/>`;
}
