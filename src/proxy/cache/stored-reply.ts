/**
 * From a stored response and a request to a reply: the client's conditions, then ranges, in the order of RFC
 * 9110 section 13.2.2. Pure, but for the file that is opened of a large body.
 */
import { evaluateConditions, ifRangeHolds } from '../../http/conditionals.js';
import { errorReply } from '../../http/error-reply.js';
import { type MultipartPlan, multipartPieces, multipartPlan, newBoundary } from '../../http/multipart.js';
import {
  type ByteRange,
  contentRange,
  evaluateRange,
  type RangeOutcome,
  unsatisfiedContentRange,
} from '../../http/ranges.js';
import type { CacheState, Reply } from '../../http/reply.js';
import { type FieldLine, fieldLines, fieldValue, without } from '../fields.js';
import { fileBody, type StoredBody, type StoredResponse } from './stored-response.js';

/** What a request asks of a stored response. */
export interface Selecting {
  readonly method: string;
  readonly fields: readonly FieldLine[];
}

/** Lines that tell how the reply came to be: Age and Cache-Status; and its X-Cache. */
export interface Provenance {
  readonly lines: string;
  readonly state: CacheState;
}

/** The reply to a GET or HEAD from what is stored; undefined when its body is gone. */
export function storedReply(
  stored: StoredResponse,
  request: Selecting,
  from: Provenance,
  nowMs: number,
): Reply | undefined {
  const { status, lines, body } = stored;
  if (status === 200) {
    if (isKnownToClient(stored, request, nowMs)) return notModified(stored.fields, from);
    const outcome = rangesOf(stored, request, nowMs);
    if (outcome.kind === 'unsatisfiable') return unsatisfied(body.length, from);
    if (outcome.kind === 'ranges') return partialReply(stored, outcome.ranges, from);
  }
  const isEmpty = request.method === 'HEAD' || body.length === 0;
  if (isEmpty) return reply(status, lines + from.lines, null, from);
  return withParts(status, lines, body, [{ offset: 0, length: body.length }], from);
}

/** What a condition is held against. */
export interface Validated {
  readonly etag: string | undefined;
  readonly lastModifiedMs: number | undefined;
  readonly dateMs: number;
}

/** True when the client has this already (RFC 9111 section 4.3.2). */
export function isKnownToClient(stored: Validated, { method, fields }: Selecting, nowMs: number): boolean {
  const ifNoneMatch = fieldValue(fields, 'if-none-match');
  const ifModifiedSince = fieldValue(fields, 'if-modified-since');
  if (ifNoneMatch === undefined && ifModifiedSince === undefined) return false;
  const outcome = evaluateConditions({ method, ifNoneMatch, ifModifiedSince }, validatorsOf(stored), nowMs);
  return outcome === 'not-modified';
}

/** 304, with the fields that tell a client of what it has (RFC 9110 section 15.4.5). */
export function notModified(fields: readonly FieldLine[], from: Provenance): Reply {
  const kept = fields.filter(([name]) => !/^content-(?!location$)/i.test(name));
  return reply(304, fieldLines(kept) + from.lines, null, from);
}

/** Without a date of its own a response was last changed when it was made, at the latest. */
function validatorsOf({ etag, lastModifiedMs, dateMs }: Validated): { etag: string; lastModifiedMs: number } {
  return { etag: etag ?? '', lastModifiedMs: lastModifiedMs ?? dateMs };
}

/** What the request wants of the body; `none`: the whole. */
function rangesOf(stored: StoredResponse, { method, fields }: Selecting, nowMs: number): RangeOutcome {
  const range = fieldValue(fields, 'range');
  if (range === undefined || method !== 'GET') return { kind: 'none' };
  const ifRange = fieldValue(fields, 'if-range');
  if (ifRange !== undefined && !ifRangeHolds(ifRange, validatorsOf(stored), nowMs)) return { kind: 'none' };
  return evaluateRange(range, stored.body.length);
}

function unsatisfied(bodyBytes: number, from: Provenance): Reply {
  const fields = `Content-Range: ${unsatisfiedContentRange(bodyBytes)}\r\n${from.lines}`;
  return { ...errorReply(416, `This has ${bodyBytes} bytes.`, { fields }), cache: from.state };
}

/** 206; undefined when the body is gone. */
function partialReply(
  { fields, body }: StoredResponse,
  ranges: readonly ByteRange[],
  from: Provenance,
): Reply | undefined {
  const others = fieldLines(without(fields, 'content-length', 'content-range', 'content-type'));
  const contentType = fieldValue(fields, 'content-type');
  const [only] = ranges;
  if (ranges.length === 1 && only !== undefined) {
    const typeLine = contentType === undefined ? '' : `Content-Type: ${contentType}\r\n`;
    const lines = `${typeLine}Content-Length: ${only.length}\r\nContent-Range: ${contentRange(only, body.length)}\r\n`;
    return withParts(206, lines + others, body, [only], from);
  }
  const plan = multipartPlan(ranges, body.length, contentType ?? 'application/octet-stream', newBoundary());
  const lines = `Content-Type: ${plan.contentType}\r\nContent-Length: ${plan.length}\r\n`;
  return withParts(206, lines + others, body, plan.parts, from);
}

/** A reply with parts of a body, and bytes between them. */
function withParts(
  status: number,
  lines: string,
  body: StoredBody,
  parts: MultipartPlan['parts'],
  from: Provenance,
): Reply | undefined {
  const sent = Buffer.isBuffer(body) ? inMemory(body, parts) : fileBody(body, parts);
  return sent && reply(status, lines + from.lines, sent, from);
}

function inMemory(body: Buffer, parts: MultipartPlan['parts']): Buffer | Buffer[] {
  const pieces = multipartPieces({ parts }, body);
  return pieces.length === 1 ? pieces[0]! : pieces;
}

function reply(status: number, fields: string, body: Reply['body'], { state }: Provenance): Reply {
  return { status, fields, body, cache: state, close: false, isRelayed: true };
}
