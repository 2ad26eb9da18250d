/**
 * A response as it is stored: its head, its body, and how fresh it was when it came. What stays the same from
 * one use to the next is made once; what changes with every second (Age) is made once a second.
 *
 * The head as bytes, for a cache that other processes share, is JSON in latin1 (fields have one char per byte):
 *
 *     [1, "response", STATUS, RECEIVED_MS, INITIAL_AGE_MS, [[NAME, VALUE], …]]
 *     [1, "vary", GENERATION, [NAME, …]]
 */
import type { Clock } from '../../http/clock.js';
import type { FileBody, Reply } from '../../http/reply.js';
import { PreparedReply } from '../../http/serialise.js';
import type { BodyPlace } from '../../shared-cache/shared-cache.js';
import { type FieldLine, fieldLines, fieldValue } from '../fields.js';
import { hitStatus } from './cache-status.js';
import { type ResponseDirectives, responseDirectives } from './directives.js';
import { ageLine, currentAgeMs, dateOf, freshnessLifetimeMs } from './freshness.js';
import type { Aged } from './reuse.js';

/** What objects, derived values and the index cost, in bytes. Measured roughly. */
const OVERHEAD_BYTES = 2048;
/** A body that is joined to its head for sending is in memory twice (http/serialise.ts). */
const JOINED_BYTES = 64 * 1024;

export interface StoredHead {
  readonly status: number;
  /** Content-Length among them where there is a body, Date always, Age never. */
  readonly fields: readonly FieldLine[];
  /** When it came, in milliseconds since the epoch. */
  readonly receivedMs: number;
  /** How old it was then, in milliseconds. */
  readonly initialAgeMs: number;
}

/** A body: bytes, or where a large one lies. There it may be gone at any time. */
export type StoredBody = Buffer | BodyPlace;

export class StoredResponse implements StoredHead {
  readonly kind = 'response';
  readonly status: number;
  readonly fields: readonly FieldLine[];
  readonly receivedMs: number;
  readonly initialAgeMs: number;
  /** Empty where there is none. */
  readonly body: StoredBody;
  readonly directives: ResponseDirectives;
  readonly lifetimeMs: number;
  /** With its quotes; undefined when there is none. */
  readonly etag: string | undefined;
  /** In milliseconds; undefined when there is no such date. */
  readonly lastModifiedMs: number | undefined;
  readonly sizeBytes: number;
  /** Until when it may be used unasked, on the clock of `receivedMs`. */
  readonly #freshUntilMs: number;
  /** Of the fields; made when first asked for. */
  #lines: string | undefined;
  #hit: PreparedReply | undefined;
  #headHit: PreparedReply | undefined;
  #second = -1;

  constructor(head: StoredHead, body: StoredBody) {
    this.status = head.status;
    this.fields = head.fields;
    this.receivedMs = head.receivedMs;
    this.initialAgeMs = head.initialAgeMs;
    this.body = body;
    this.directives = responseDirectives(this.fields);
    this.lifetimeMs = freshnessLifetimeMs(this.status, this.fields, this.directives, this.receivedMs);
    this.etag = fieldValue(this.fields, 'etag');
    this.lastModifiedMs = dateOf(this.fields, 'last-modified', this.receivedMs);
    this.#freshUntilMs = this.directives.noCache
      ? Number.NEGATIVE_INFINITY
      : this.receivedMs + this.lifetimeMs - this.initialAgeMs;
    const textBytes = this.fields.reduce((sum, [name, value]) => sum + name.length + value.length + 4, 0);
    const bodyBytes = Buffer.isBuffer(body) ? body.length : 0;
    const joinedBytes = bodyBytes <= JOINED_BYTES ? bodyBytes : 0;
    this.sizeBytes = bodyBytes + joinedBytes + 3 * textBytes + OVERHEAD_BYTES;
  }

  /** Field lines, each ended by CRLF. */
  get lines(): string {
    this.#lines ??= fieldLines(this.fields);
    return this.#lines;
  }

  /** When it was made, as it says itself, or when it came. */
  get dateMs(): number {
    return dateOf(this.fields, 'date', this.receivedMs) ?? this.receivedMs;
  }

  /** True while it answers requests that ask for nothing special. */
  isFresh(nowMs: number): boolean {
    return nowMs < this.#freshUntilMs;
  }

  /** As of this moment. */
  aged(nowMs: number): Aged {
    return { directives: this.directives, ageMs: currentAgeMs(this, nowMs), lifetimeMs: this.lifetimeMs };
  }

  /** `Age: …` with its line end (RFC 9111 section 5.1). */
  ageLine(nowMs: number): string {
    return ageLine(currentAgeMs(this, nowMs));
  }

  /**
   * The reply to a request that asks for nothing special, while this is fresh: the same object within a second.
   * Undefined when its body is gone.
   */
  hit(clock: Clock, isHead: boolean): Reply | undefined {
    if (this.#second !== clock.second) {
      this.#second = clock.second;
      this.#hit = undefined;
      this.#headHit = undefined;
    }
    if (isHead) {
      this.#headHit ??= this.#prepared(clock, null);
      return this.#headHit;
    }
    const { body } = this;
    if (Buffer.isBuffer(body)) {
      this.#hit ??= this.#prepared(clock, body.length === 0 ? null : body);
      return this.#hit;
    }
    const whole = fileBody(body, [{ offset: 0, length: body.length }]);
    if (whole === undefined) return undefined;
    const { status } = this;
    return {
      status,
      fields: this.#hitFields(clock),
      body: whole,
      cache: 'HIT',
      close: false,
      isRelayed: true,
    };
  }

  /** The head, for a cache that other processes share. */
  headBytes(): Buffer {
    return headBytesOf(this);
  }

  #prepared(clock: Clock, body: Buffer | null): PreparedReply {
    return new PreparedReply(this.status, this.#hitFields(clock), body, 'HIT', true);
  }

  #hitFields({ nowMs }: Clock): string {
    return this.lines + this.ageLine(nowMs) + hitStatus(this.aged(nowMs));
  }
}

/** A response's head, for a cache that other processes share. */
export function headBytesOf({ status, receivedMs, initialAgeMs, fields }: StoredHead): Buffer {
  return Buffer.from(JSON.stringify([1, 'response', status, receivedMs, initialAgeMs, fields]), 'latin1');
}

/** Parts of a body that is sent from where it lies; undefined when it is gone. */
export function fileBody(place: BodyPlace, parts: FileBody['parts']): FileBody | undefined {
  const file = place.open();
  return file && { file, parts };
}

/** What stands under the key of a resource whose responses differ by fields of the request. */
export class VaryMarker {
  readonly kind = 'vary';
  /** Responses are found only under the marker that was there when they came: none outlives an invalidation. */
  readonly generation: string;
  readonly names: readonly string[];
  readonly sizeBytes = OVERHEAD_BYTES / 4;
  readonly body = Buffer.alloc(0);

  constructor(generation: string, names: readonly string[]) {
    this.generation = generation;
    this.names = names;
  }

  headBytes(): Buffer {
    return Buffer.from(JSON.stringify([1, this.kind, this.generation, this.names]), 'latin1');
  }
}

export type StoredItem = StoredResponse | VaryMarker;

/** Reads what `headBytes` has made; undefined when it is something else, as from another version. */
export function itemOf(head: Buffer, body: StoredBody): StoredItem | undefined {
  const value: unknown = parseJson(head.toString('latin1'));
  if (!Array.isArray(value) || value[0] !== 1) return undefined;
  const [, kind, ...rest] = value;
  if (kind === 'vary' && typeof rest[0] === 'string' && isNames(rest[1]))
    return new VaryMarker(rest[0], rest[1]);
  const [status, receivedMs, initialAgeMs, fields] = rest;
  const areNumbers = [status, receivedMs, initialAgeMs].every(Number.isFinite);
  if (kind !== 'response' || !areNumbers || !isFields(fields)) return undefined;
  return new StoredResponse({ status, receivedMs, initialAgeMs, fields }, body);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isNames(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((name) => typeof name === 'string');
}

function isFields(value: unknown): value is FieldLine[] {
  return Array.isArray(value) && value.every((field) => isNames(field) && field.length === 2);
}
