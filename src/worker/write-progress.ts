/** Tells slow clients from dead ones: by when some of what is sent was last taken. Owns no timer. */
export class WriteProgress {
  /** Bytes the kernel had taken when it last took some. */
  #takenBytes = 0;
  /** When that was found out; undefined while nothing waits to be taken. */
  #sinceMs: number | undefined;

  /**
   * By when the client has to take more. Only what leaves moves it.
   *
   * @param takenBytes bytes the kernel has taken since the connection was made
   * @param writeMs how long a client may take nothing
   */
  deadlineMs(takenBytes: number, nowMs: number, writeMs: number): number {
    if (this.#sinceMs === undefined || this.hasMoved(takenBytes)) {
      this.#takenBytes = takenBytes;
      this.#sinceMs = nowMs;
    }
    return this.#sinceMs + writeMs;
  }

  /** Nothing waits to be taken: what comes next has all its time. */
  rest(): void {
    this.#sinceMs = undefined;
  }

  /** True when the client has taken more than at the last look. */
  hasMoved(takenBytes: number): boolean {
    return takenBytes > this.#takenBytes;
  }
}
