/**
 * Bytes that come when they come: the body of a request on its way to an upstream, or of a response on its
 * way to a client. Whoever is slower holds the other back, so that nothing is held whole.
 */

/** Where the bytes come from. */
export interface BodySource {
  /** Begins. Called once; nothing is given before. */
  start(sink: BodySink): void;
  /** The taker has enough for now: what is under way may still come, then nothing until `resume`. */
  pause(): void;
  resume(): void;
  /** The taker wants no more, and hears no more. */
  cancel(): void;
}

/** Who takes them. */
export interface BodySink {
  /** The next bytes, which do not change any more. */
  data(bytes: Uint8Array): void;
  /** That was all of it. */
  end(): void;
  /** No more comes, and what came is not whole. */
  fail(error: Error): void;
}

/** Why a request's body cannot be read to its end, with the status that says so. */
export class BodyError extends Error {
  readonly status: 400 | 408 | 413;

  constructor(status: 400 | 408 | 413, message: string) {
    super(message);
    this.status = status;
  }
}
