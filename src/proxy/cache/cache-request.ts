/** One request as the cache sees it, with the way to its upstream. */
import type { RequestHead } from '../../http/request-head.js';
import { type FieldLine, fieldValue } from '../fields.js';
import type { UpstreamReply } from '../upstream-reply.js';
import { type RequestDirectives, requestDirectives } from './directives.js';
import type { ValueOf } from './vary.js';

/** What is sent on. */
export interface ForwardRequest {
  readonly method: string;
  /** End to end, with the conditions that the cache wants. */
  readonly fields: readonly FieldLine[];
  /** Others may wait for the answer: it is asked for without a body, and goes on when the client is gone. */
  readonly isShared: boolean;
}

/** Sends a request on. Rejects with UpstreamError. */
export type Forward = (request: ForwardRequest) => Promise<UpstreamReply>;

/** A request that an upstream may have to answer. */
export interface CacheRequest {
  /** Only borrowed. */
  readonly head: RequestHead;
  /** What the upstream is asked for: its origin, path and query. One char per byte, no line ends. */
  readonly key: string;
  /** Of a GET with a body nobody knows what it means (RFC 9110 section 9.3.1): it is none of the cache's. */
  readonly hasBody: boolean;
  /** The fields that go on; asked for while the head is still there. */
  fields(): readonly FieldLine[];
  /** The key of what a field of a response refers to; undefined when that is of another origin. */
  keyOf(reference: string): string | undefined;
  readonly forward: Forward;
}

/** A request that was read, and lives longer than its head. */
export interface ReadRequest {
  readonly method: string;
  readonly key: string;
  readonly fields: readonly FieldLine[];
  readonly directives: RequestDirectives;
  readonly value: ValueOf;
  readonly forward: Forward;
}

/** Reads a request, of which all that is needed is kept. */
export function readRequest(request: CacheRequest): ReadRequest {
  const { head, key, forward } = request;
  const fields = request.fields();
  return {
    method: head.methodText,
    key,
    fields,
    directives: requestDirectives(fields),
    value: (name) => fieldValue(fields, name),
    forward,
  };
}

/** True when its client asks on condition, or for a part: what comes back may be nothing for others. */
export function isSelecting({ value }: ReadRequest): boolean {
  return ['if-none-match', 'if-modified-since', 'range'].some((name) => value(name) !== undefined);
}

/** True when only the origin can tell whether the condition holds (RFC 9111 section 4.3.2). */
export function isForOrigin({ value }: ReadRequest): boolean {
  return value('if-match') !== undefined || value('if-unmodified-since') !== undefined;
}
