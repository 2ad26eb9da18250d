/** Who asks, and what comes with the request besides its head: what an upstream may have to be told. */
import type { Peer } from '../transport/connection.js';
import type { BodySource } from './body-source.js';

export interface Asker {
  readonly peer: Peer;
  /** The client speaks TLS with us. */
  readonly secure: boolean;
  /** The request's body, of which nothing was read; undefined when it has none. */
  readonly body: BodySource | undefined;
  /** Called back once when the client is gone before the whole response was written. */
  onGone(callback: () => void): void;
  /**
   * Tells the client what an upstream says before its response (RFC 9110 section 15.2). Left out where the client
   * could not take it: after the response, on HTTP/1.0, or when it reads too slowly.
   *
   * @param status 102 to 199
   * @param fields field lines, each ended by CRLF
   */
  interim(status: number, fields: string): void;
}
