/**
 * Byte ranges (RFC 9110 section 14): what a Range field asks of a representation of known size. Pure;
 * the caller asks only for GET, with a reply that would be 200, and after If-Range.
 */
import { splitList } from './field-lists.js';

/** Part of a representation; never empty, never beyond its end. */
export interface ByteRange {
  readonly offset: number;
  readonly length: number;
}

export type RangeOutcome =
  /** The field is to be ignored: 200 with the whole. */
  | { readonly kind: 'none' }
  /** 416 with Content-Range. */
  | { readonly kind: 'unsatisfiable' }
  /** 206: one range as it is, several as multipart/byteranges. At least one; none touch each other. */
  | { readonly kind: 'ranges'; readonly ranges: readonly ByteRange[] };

export interface RangeLimits {
  /** More than this many elements in the field: it is ignored. */
  readonly maxRanges: number;
}

/** Readers of PDF and of disk images ask for a few ranges at once; nothing useful asks for more than this. */
export const RANGE_LIMITS: RangeLimits = { maxRanges: 16 };

const NONE: RangeOutcome = { kind: 'none' };
const UNSATISFIABLE: RangeOutcome = { kind: 'unsatisfiable' };

/** An element as written: `first-last`, `first-` (last is Infinity), or `-suffix`. */
type RangeSpec = { readonly first: number; readonly last: number } | { readonly suffix: number };

/**
 * Evaluates the value of a Range field against a representation of `sizeBytes`.
 *
 * A field that is not well formed as a whole, or of another unit, is ignored. So is every field on an
 * empty representation, of which no part can be named: clients that always ask for `bytes=0-99` get
 * its zero bytes and not an error (as from Go's net/http).
 *
 * Against range bombs (section 17.15): too many elements, or elements that add up to more than the
 * whole, make the field ignored, since the whole is then cheaper for both sides. Elements that overlap
 * or touch are merged into the place of the first, as 15.3.7.2 permits; the order is the client's otherwise.
 */
export function evaluateRange(value: string, sizeBytes: number, limits = RANGE_LIMITS): RangeOutcome {
  const specs = parseRangeSet(value, limits.maxRanges);
  if (specs === undefined || sizeBytes === 0) return NONE;

  let askedBytes = 0;
  let ranges: ByteRange[] = [];
  for (const spec of specs) {
    const range = satisfy(spec, sizeBytes);
    if (range === undefined) continue;
    askedBytes += range.length;
    ranges = merged(ranges, range);
  }
  if (ranges.length === 0) return UNSATISFIABLE;
  return askedBytes > sizeBytes ? NONE : { kind: 'ranges', ranges };
}

/** Content-Range of a 206 or of one of its parts (RFC 9110 section 14.4). */
export function contentRange(range: ByteRange, sizeBytes: number): string {
  return `bytes ${range.offset}-${range.offset + range.length - 1}/${sizeBytes}`;
}

/** Content-Range of a 416. */
export function unsatisfiedContentRange(sizeBytes: number): string {
  return `bytes */${sizeBytes}`;
}

/** Undefined when the field is malformed, of another unit, or too long. */
function parseRangeSet(value: string, maxRanges: number): RangeSpec[] | undefined {
  if (!/^bytes=/i.test(value)) return undefined;
  const elements = splitList(value.slice('bytes='.length));
  if (elements.length === 0 || elements.length > maxRanges) return undefined;
  const specs: RangeSpec[] = [];
  for (const element of elements) {
    const spec = parseRangeSpec(element);
    if (spec === undefined) return undefined;
    specs.push(spec);
  }
  return specs;
}

/**
 * Numbers of any length are read; above 2^53 they lose exactness, which is of no consequence: no
 * representation is that large.
 */
function parseRangeSpec(text: string): RangeSpec | undefined {
  const match = /^(\d*)-(\d*)$/.exec(text);
  if (match === null) return undefined;
  const [, first = '', last = ''] = match;
  if (first === '') return last === '' ? undefined : { suffix: Number(last) };
  const spec = { first: Number(first), last: last === '' ? Number.POSITIVE_INFINITY : Number(last) };
  return spec.first > spec.last ? undefined : spec;
}

/** The bytes that an element names, or undefined when there are none. */
function satisfy(spec: RangeSpec, sizeBytes: number): ByteRange | undefined {
  if ('suffix' in spec) {
    const length = Math.min(spec.suffix, sizeBytes);
    return length === 0 ? undefined : { offset: sizeBytes - length, length };
  }
  if (spec.first >= sizeBytes) return undefined;
  const end = Math.min(spec.last + 1, sizeBytes);
  return { offset: spec.first, length: end - spec.first };
}

/**
 * Adds a range to ranges that are apart; those it overlaps or touches become one with it, in the place of
 * the first of them. One pass is enough: what a merged range touches, one of its parts touched.
 */
function merged(ranges: readonly ByteRange[], added: ByteRange): ByteRange[] {
  const touching = ranges.filter((range) => range.offset <= endOf(added) && added.offset <= endOf(range));
  const [place] = touching;
  if (place === undefined) return [...ranges, added];
  const offset = Math.min(added.offset, ...touching.map((range) => range.offset));
  const end = Math.max(endOf(added), ...touching.map(endOf));
  return ranges
    .filter((range) => range === place || !touching.includes(range))
    .map((range) => (range === place ? { offset, length: end - offset } : range));
}

/** The position after the last byte. */
function endOf(range: ByteRange): number {
  return range.offset + range.length;
}
