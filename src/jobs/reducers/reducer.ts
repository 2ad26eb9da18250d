/** What makes the result of one job of its parts. The built-in ones and the user's module look the same from here. */

/** A piece of a result. Strings become UTF-8. */
export type Output = string | Uint8Array;

/** Appends to the result. The bytes are used before it returns. Throws JobError when the result cannot be written. */
export type Emit = (output: Output) => void;

/** Whatever it throws fails its job. It is asked for one thing at a time. */
export interface Reducer {
  /** The next bytes of a part, never none. Their memory is used again afterwards. */
  add(chunk: Buffer, part: string): void | Promise<void>;
  /** All of the part was given, which may be nothing. */
  endPart?(part: string): void | Promise<void>;
  /** There are no more parts: the rest of the result, piece by piece. */
  finish?(): Iterable<Output> | AsyncIterable<Output>;
}
