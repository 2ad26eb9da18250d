/**
 * From a stored form of a resource and one request to a reply: preconditions, then ranges, in the order
 * of RFC 9110 section 13.2.2. Pure; opens nothing and sends nothing.
 */
import type { ConditionalRequest } from '../http/conditionals.js';
import { evaluateConditions, ifRangeHolds } from '../http/conditionals.js';
import { errorReply } from '../http/error-reply.js';
import { multipartPieces, multipartPlan, newBoundary } from '../http/multipart.js';
import { type ByteRange, contentRange, evaluateRange, unsatisfiedContentRange } from '../http/ranges.js';
import type { CacheState, Reply } from '../http/reply.js';
import { fieldBit, type RequestHead } from '../http/request-head.js';
import type { FilePart } from '../transport/connection.js';
import type { Variant } from './forms.js';

const CONDITIONAL =
  fieldBit('if-match') |
  fieldBit('if-none-match') |
  fieldBit('if-modified-since') |
  fieldBit('if-unmodified-since');
const NEGATIVE = fieldBit('if-match') | fieldBit('if-unmodified-since');
const IF_NONE_MATCH = fieldBit('if-none-match');
const RANGE = fieldBit('range');
const IF_RANGE = fieldBit('if-range');

/** Requests that have none of these get the whole representation. */
export const SELECTIVE = CONDITIONAL | RANGE;

/** A reply whose body has to be opened first. */
export interface DiskReply {
  readonly status: number;
  readonly fields: string;
  readonly variant: Variant;
  readonly parts: readonly FilePart[];
}

/** The representation that was chosen for a request, and how it came to be at hand. */
export interface Selected {
  readonly variant: Variant;
  /** Last modification in milliseconds; undefined when the representation has no such date. */
  readonly lastModifiedMs: number | undefined;
  readonly state: CacheState;
}

/** Decides a GET or HEAD. */
export function decide(head: RequestHead, selected: Selected, nowMs: number): Reply | DiskReply {
  const { variant, state } = selected;
  const isHead = head.method === 'HEAD';
  if (head.has(SELECTIVE)) {
    const reply = decideSelective(head, selected, nowMs, isHead);
    if (reply !== undefined) return reply;
  }
  if (isHead) return withState(variant.headHit, state);
  if (variant.hit !== undefined) return withState(variant.hit, state);
  return {
    status: 200,
    fields: variant.wholeFields,
    variant,
    parts: [{ offset: 0, length: variant.sizeBytes }],
  };
}

export function isDiskReply(reply: Reply | DiskReply): reply is DiskReply {
  return 'variant' in reply;
}

function withState(reply: Reply, state: CacheState): Reply {
  if (state === reply.cache) return reply;
  const { status, fields, body, close } = reply;
  return { status, fields, body, close, cache: state };
}

/** The reply to conditions and ranges; undefined when they leave the whole representation. */
function decideSelective(
  head: RequestHead,
  { variant, lastModifiedMs, state }: Selected,
  nowMs: number,
  isHead: boolean,
): Reply | DiskReply | undefined {
  if (isKnownToClient(head, variant, lastModifiedMs)) return withState(variant.notModified, state);
  // What has no date never matches one, and conditions on dates are not for it (RFC 9110 section 13.1.3 f.).
  const isDated = lastModifiedMs !== undefined;
  const validators = { etag: variant.etag, lastModifiedMs: lastModifiedMs ?? Number.POSITIVE_INFINITY };
  if (head.has(CONDITIONAL)) {
    const outcome = evaluateConditions(conditionsOf(head, isDated), validators, nowMs);
    if (outcome === 'not-modified') return withState(variant.notModified, state);
    if (outcome === 'precondition-failed') {
      return errorReply(412, 'The resource is not in the state that the request asks for.', {
        headOnly: isHead,
      });
    }
  }
  if (!head.has(RANGE) || isHead) return undefined;
  if (head.has(IF_RANGE) && !ifRangeHolds(head.field('if-range')!, validators, nowMs)) return undefined;
  const outcome = evaluateRange(head.field('range')!, variant.sizeBytes);
  if (outcome.kind === 'none') return undefined;
  if (outcome.kind === 'unsatisfiable') {
    return errorReply(416, `This has ${variant.sizeBytes} bytes.`, {
      fields: `Content-Range: ${unsatisfiedContentRange(variant.sizeBytes)}\r\n`,
    });
  }
  return partialReply(outcome.ranges, variant, state);
}

/**
 * The plain case of a conditional request: what the client has is named as it was sent. Everything else is
 * evaluated as a whole.
 */
function isKnownToClient(head: RequestHead, variant: Variant, lastModifiedMs: number | undefined): boolean {
  if (head.has(NEGATIVE)) return false;
  if (head.has(IF_NONE_MATCH)) return head.valueIs('if-none-match', variant.etag);
  return lastModifiedMs !== undefined && head.valueIs('if-modified-since', variant.lastModified);
}

function conditionsOf(head: RequestHead, isDated: boolean): ConditionalRequest {
  return {
    method: head.method,
    ifMatch: head.field('if-match'),
    ifNoneMatch: head.field('if-none-match'),
    ifModifiedSince: isDated ? head.field('if-modified-since') : undefined,
    ifUnmodifiedSince: isDated ? head.field('if-unmodified-since') : undefined,
  };
}

function partialReply(ranges: readonly ByteRange[], variant: Variant, state: CacheState): Reply | DiskReply {
  const { sizeBytes, contentType, body } = variant;
  const [only] = ranges;
  if (ranges.length === 1 && only !== undefined) {
    const fields =
      `Content-Type: ${contentType}\r\nContent-Length: ${only.length}\r\n` +
      `Content-Range: ${contentRange(only, sizeBytes)}\r\n${variant.fields}`;
    if (body === null) return { status: 206, fields, variant, parts: [only] };
    const bytes = body.subarray(only.offset, only.offset + only.length);
    return { status: 206, fields, body: bytes, cache: state, close: false };
  }
  const plan = multipartPlan(ranges, sizeBytes, contentType, newBoundary());
  const fields = `Content-Type: ${plan.contentType}\r\nContent-Length: ${plan.length}\r\n${variant.fields}`;
  if (body === null) return { status: 206, fields, variant, parts: plan.parts };
  return { status: 206, fields, body: multipartPieces(plan, body), cache: state, close: false };
}
