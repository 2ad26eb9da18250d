/** `merge-json`: each part is one JSON value; they are merged into one. */
import { getHeapStatistics } from 'node:v8';
import { mostHeapBytes } from './json-memory.js';
import type { Reducer } from './reducer.js';

const DEFAULT_MAX_BYTES = 64 * 1024 * 1024;
const MB = 1024 * 1024;

type Fields = Record<string, unknown>;

/**
 * Objects are merged key by key, whatever their depth; arrays are appended to each other; of anything else, and where the kinds
 * differ, the later one stands. It holds all values in memory, and so takes only so many bytes. No parts: `null`.
 */
export class MergeJson implements Reducer {
  readonly #maxBytes: number;
  #chunks: Buffer[] = [];
  #bytes = 0;
  #merged: unknown;

  /** @param maxBytes of all parts together */
  constructor(maxBytes = DEFAULT_MAX_BYTES) {
    this.#maxBytes = maxBytes;
  }

  add(chunk: Buffer): void {
    this.#bytes += chunk.length;
    if (this.#bytes > this.#maxBytes) {
      throw new Error(`merge-json takes at most ${this.#maxBytes / MB} MB in all parts of a job`);
    }
    this.#chunks.push(Buffer.from(chunk));
  }

  endPart(): void {
    const bytes = Buffer.concat(this.#chunks);
    this.#chunks = [];
    // What JSON.parse needs beyond the limit of a thread ends the whole process.
    const { used_heap_size: usedBytes, heap_size_limit: limitBytes } = getHeapStatistics();
    if (usedBytes + mostHeapBytes(bytes) > limitBytes) {
      throw new Error(
        `its values may need more than the ${Math.floor(limitBytes / MB)} MB of memory that there are`,
      );
    }
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    const value: unknown = JSON.parse(text);
    this.#merged = this.#merged === undefined ? value : inDepth(() => merge(this.#merged, value));
  }

  *finish(): Iterable<string> {
    yield `${inDepth(() => JSON.stringify(this.#merged ?? null))}\n`;
  }
}

/** Does what calls itself for each level of a value. A stack that is used up says nothing of JSON. */
function inDepth<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw error instanceof RangeError ? new Error('values are nested too deeply', { cause: error }) : error;
  }
}

/** May change `earlier`, and use what `later` is made of. */
function merge(earlier: unknown, later: unknown): unknown {
  if (Array.isArray(earlier) && Array.isArray(later)) {
    for (const item of later) earlier.push(item);
    return earlier;
  }
  return isObject(earlier) && isObject(later) ? mergeFields(withoutPrototype(earlier), later) : later;
}

function mergeFields(earlier: Fields, later: Fields): Fields {
  for (const [key, value] of Object.entries(later)) {
    const before = earlier[key];
    earlier[key] = before === undefined ? value : merge(before, value);
  }
  return earlier;
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The fields in an object where `__proto__` and `constructor` are keys like others. */
function withoutPrototype(fields: Fields): Fields {
  if (Object.getPrototypeOf(fields) === null) return fields;
  return Object.assign(Object.create(null), fields);
}
