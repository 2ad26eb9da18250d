/**
 * Entity tags (RFC 9110 section 8.8.3): reading them from If-Match, If-None-Match and If-Range, and the
 * two ways to compare them. How a tag is made is the file finder's business.
 */

export interface EntityTag {
  readonly weak: boolean;
  /** What stands between the quotes. */
  readonly opaque: string;
}

/** `entity-tag`; no escapes exist, so a backslash and a comma stand for themselves. */
const TAG = /(W\/)?"([\x21\x23-\x7e\x80-\xff]*)"/y;
/** What may stand between two elements: at least one comma, and empty elements (section 5.6.1.2). */
const SEPARATOR = /[ \t]*,[ \t,]*/y;
const PADDING = /[ \t,]*/y;

/** Reads one entity tag; undefined when the text is not exactly one. */
export function parseEntityTag(text: string): EntityTag | undefined {
  const read = readTag(text, 0);
  return read?.end === text.length ? read.tag : undefined;
}

/**
 * Reads the value of If-Match or If-None-Match: `*`, or a list, in which empty elements are skipped (so
 * it may be empty). Undefined when any part of it is malformed.
 */
export function parseEntityTagList(value: string): '*' | readonly EntityTag[] | undefined {
  if (value === '*') return '*';
  const tags: EntityTag[] = [];
  let at = skip(PADDING, value, 0);
  while (at < value.length) {
    const read = readTag(value, at);
    if (read === undefined) return undefined;
    tags.push(read.tag);
    at = skip(SEPARATOR, value, read.end);
    if (at === read.end && at < value.length) return undefined;
  }
  return tags;
}

/** Strong comparison (section 8.8.3.2): neither is weak, and they are the same. */
export function matchesStrongly(a: EntityTag, b: EntityTag): boolean {
  return !a.weak && !b.weak && a.opaque === b.opaque;
}

/** Weak comparison (section 8.8.3.2): the same but for weakness. */
export function matchesWeakly(a: EntityTag, b: EntityTag): boolean {
  return a.opaque === b.opaque;
}

function readTag(text: string, at: number): { tag: EntityTag; end: number } | undefined {
  TAG.lastIndex = at;
  const match = TAG.exec(text);
  if (match === null) return undefined;
  return { tag: { weak: match[1] !== undefined, opaque: match[2]! }, end: TAG.lastIndex };
}

/** The position after what a sticky pattern matches at `at`; `at` itself when it does not. */
function skip(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : at;
}
