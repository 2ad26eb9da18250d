/**
 * A connection in the master's hands, and the last words to one that no worker can take.
 */
import { EAGAIN, EPOLLIN } from '../../posix/constants.js';
import { close, receive, send, shutdownWrite } from '../../posix/sockets.js';
import type { Protocol } from '../connection.js';
import type { Waiting } from '../handover.js';
import type { ConnectionRecord } from './protocol.js';
import type { Readiness, Ready } from './readiness.js';

/** How long a refused client may take to read why, before its connection is cut. */
const REFUSE_LINGER_MS = 2000;

const discarded = Buffer.allocUnsafeSlow(16 * 1024);

export class HeldConnection implements Waiting, ConnectionRecord {
  readonly fd: number;
  readonly listener: number;
  readonly unused: Uint8Array;
  readonly returned: boolean;
  readonly protocol: Protocol;
  readonly place: number | undefined;
  readonly #readiness: Readiness;

  constructor(readiness: Readiness, fd: number, from: ConnectionRecord) {
    this.#readiness = readiness;
    this.fd = fd;
    this.listener = from.listener;
    this.unused = from.unused;
    this.returned = from.returned;
    this.protocol = from.protocol;
    this.place = from.place;
  }

  release(): void {
    close(this.fd);
  }

  refuse(response: Uint8Array, gone?: () => void): number {
    if (this.protocol === 'https') {
      close(this.fd);
      gone?.();
      return 0;
    }
    const sent = Math.max(0, send(this.fd, response, response.length, false));
    if (gone === undefined) close(this.fd);
    else new Farewell(this.#readiness, this.fd, gone);
    return sent;
  }
}

/**
 * Closing with unread bytes would reset the connection, and the client never see the response: so what it
 * still sends is read, until it has closed its side.
 */
class Farewell implements Ready {
  readonly #readiness: Readiness;
  readonly #fd: number;
  readonly #gone: () => void;
  readonly #deadline = setTimeout(() => this.#close(), REFUSE_LINGER_MS);

  constructor(readiness: Readiness, fd: number, gone: () => void) {
    this.#readiness = readiness;
    this.#fd = fd;
    this.#gone = gone;
    shutdownWrite(fd);
    readiness.add(fd, EPOLLIN, this);
  }

  onReady(): void {
    const length = receive(this.#fd, discarded, discarded.length);
    if (length <= 0 && length !== -EAGAIN) this.#close();
  }

  #close(): void {
    clearTimeout(this.#deadline);
    this.#readiness.remove(this.#fd);
    close(this.#fd);
    this.#gone();
  }
}
