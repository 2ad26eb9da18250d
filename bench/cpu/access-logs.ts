/** The access logs of the servers: counted, to see that each logs what it answers, and kept short. */
import { readFileSync, truncateSync } from 'node:fs';
import { systemCode } from '../../src/errors.js';

const LINE_FEED = 10;

export class AccessLogs {
  readonly #lines = new Map<string, number>();
  readonly #answered = new Map<string, number>();

  /** Requests that a server has answered. */
  answered(server: string, requests: number): void {
    this.#answered.set(server, (this.#answered.get(server) ?? 0) + requests);
  }

  /**
   * Counts the lines of a log and removes them: they would be written to the disk some seconds later, while another
   * server is measured. Servers append (O_APPEND), so what they write next is at the new end.
   */
  collect(server: string, file: string): void {
    let text: Buffer;
    try {
      text = readFileSync(file);
      truncateSync(file);
    } catch (error) {
      // A server that writes no log, or writes it elsewhere.
      if (systemCode(error) === 'ENOENT') return;
      throw error;
    }
    let lines = 0;
    for (let at = text.indexOf(LINE_FEED); at >= 0; at = text.indexOf(LINE_FEED, at + 1)) lines += 1;
    this.#lines.set(server, (this.#lines.get(server) ?? 0) + lines);
  }

  /** Lines over answered requests; a server without a log is not in it. */
  get shares(): Readonly<Record<string, number>> {
    return Object.fromEntries(
      [...this.#lines].map(([server, lines]) => [server, lines / (this.#answered.get(server) ?? 0)]),
    );
  }
}
