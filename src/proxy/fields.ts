/**
 * Fields on their way through: which of them belong to one connection and go no further (RFC 9110 section
 * 7.6.1), and what a proxy adds. Pure.
 */
import { isIPv6 } from 'node:net';
import { splitList } from '../http/field-lists.js';
import type { Peer } from '../transport/connection.js';

/** A field line: the name as it was written, and the value, one char for each byte. */
export type FieldLine = readonly [name: string, value: string];

/** Of one connection, whether Connection names them or not. */
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authentication-info',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** Fields that cannot be taken for those of a connection by naming them: what they say would be lost. */
const ALWAYS_END_TO_END = new Set([
  'content-length',
  'host',
  'cache-control',
  'cdn-cache-control',
  'age',
  'via',
  'date',
  'vary',
  'set-cookie',
]);

/** The fields that go on. */
export function endToEnd(fields: readonly FieldLine[]): FieldLine[] {
  const named = new Set(
    fields
      .filter(([name]) => name.toLowerCase() === 'connection')
      .flatMap(([, value]) => splitList(value.toLowerCase()))
      .filter((name) => !ALWAYS_END_TO_END.has(name)),
  );
  return fields.filter(([name]) => {
    const lower = name.toLowerCase();
    return !HOP_BY_HOP.has(lower) && !named.has(lower);
  });
}

/** The value of a field, its lines joined by `, `; undefined when it is absent. `name` in lower case. */
export function fieldValue(fields: readonly FieldLine[], name: string): string | undefined {
  const values = fields.filter(([each]) => each.toLowerCase() === name).map(([, value]) => value);
  return values.length === 0 ? undefined : values.join(', ');
}

/** The fields without some; names in lower case. */
export function without(fields: readonly FieldLine[], ...names: readonly string[]): FieldLine[] {
  return fields.filter(([name]) => !names.includes(name.toLowerCase()));
}

/** Field lines, each ended by CRLF. */
export function fieldLines(fields: readonly FieldLine[]): string {
  return fields.map(([name, value]) => `${name}: ${value}\r\n`).join('');
}

/** Who asks, as an upstream is told. */
export interface Requester {
  readonly peer: Peer;
  readonly secure: boolean;
  /** What the client has named in Host; `''` when it has not. */
  readonly host: string;
}

/** What tells an upstream who asked, behind what proxies before this one have told (RFC 7239). */
export function forwardedFields(
  fields: readonly FieldLine[],
  { peer, secure, host }: Requester,
): FieldLine[] {
  const proto = secure ? 'https' : 'http';
  const address = peer.address === '' || peer.address.startsWith('unix:') ? 'unknown' : peer.address;
  const node = isIPv6(address) ? `"[${address}]"` : address;
  const own = [
    `for=${node}`,
    ...(host === '' ? [] : [`host="${host.replaceAll(/["\\]/g, '')}"`]),
    `proto=${proto}`,
  ];
  const behind = (name: string, value: string): string => {
    const before = fieldValue(fields, name);
    return before === undefined || before === '' ? value : `${before}, ${value}`;
  };
  return [
    ['X-Forwarded-For', behind('x-forwarded-for', address)],
    ['X-Forwarded-Proto', proto],
    ...(host === '' ? [] : [['X-Forwarded-Host', host] as const]),
    ['Forwarded', behind('forwarded', own.join(';'))],
  ];
}

export const FORWARDED_NAMES = [
  'x-forwarded-for',
  'x-forwarded-proto',
  'x-forwarded-host',
  'forwarded',
] as const;

/** Names that say who asks, for what, and where a body ends. */
const DECISIVE = new Set<string>([...FORWARDED_NAMES, ...HOP_BY_HOP, 'content-length', 'host']);

/**
 * The fields without those that a program behind CGI or WSGI takes for others: it reads X_Forwarded_For as
 * X-Forwarded-For, which then is not only what proxies say.
 */
export function unambiguous(fields: readonly FieldLine[]): FieldLine[] {
  return fields.filter(
    ([name]) => !name.includes('_') || !DECISIVE.has(name.toLowerCase().replaceAll('_', '-')),
  );
}

/** Via with this server behind those before it (RFC 9110 section 7.6.3). */
export function viaField(fields: readonly FieldLine[], version: string, pseudonym: string): FieldLine {
  const before = fieldValue(fields, 'via');
  const own = `${version} ${pseudonym}`;
  return ['Via', before === undefined ? own : `${before}, ${own}`];
}

/** True when a message has been here before. */
export function isLoop(fields: readonly FieldLine[], pseudonym: string): boolean {
  const via = fieldValue(fields, 'via');
  return via !== undefined && splitList(via).some((hop) => hop.split(/\s+/)[1] === pseudonym);
}
