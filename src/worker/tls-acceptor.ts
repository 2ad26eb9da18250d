/**
 * Does the TLS handshake on sockets of a secure listener, and says what the client wants to speak. Owns
 * the certificate of this worker and the deadline of each handshake.
 */
import type net from 'node:net';
import tls, { type TLSSocket } from 'node:tls';
import type { TlsIdentity } from '../master/protocol.js';
import type { Peer } from '../transport/connection.js';
import type { Timed } from './deadlines.js';
import { FRESH_GRACE_MS } from './session.js';
import type { Session, SessionContext } from './session-context.js';

/** What the client has chosen (ALPN, RFC 7301). One that chooses nothing speaks HTTP/1.1. */
export type Protocol = 'h2' | 'http/1.1';

/** Named, so that a session of one worker can be resumed on another. */
const SESSION_CONTEXT = 'handover';
/** Node's own limit only backs up ours. */
const BACKUP_MS = 60_000;

/** A connection before its handshake is done. */
class Handshake implements Session, Timed {
  deadlineMs = Number.POSITIVE_INFINITY;
  bucketTick = -1;
  bucketPlace = 0;
  place = 0;
  readonly peer: Peer;
  readonly #socket: net.Socket;
  readonly #context: SessionContext;

  constructor(socket: net.Socket, peer: Peer, context: SessionContext) {
    this.#socket = socket;
    this.peer = peer;
    this.#context = context;
    context.tick();
    context.deadlines.arm(this, context.clock.steadyMs + context.limits.headerMs);
  }

  onDeadline(): void {
    this.#context.recorder.timedOut();
    this.destroy();
  }

  drain(): void {
    const { deadlines, clock, limits, tick } = this.#context;
    tick();
    deadlines.arm(this, clock.steadyMs + Math.min(FRESH_GRACE_MS, limits.headerMs));
  }

  destroy(): void {
    this.#socket.destroy();
  }

  done(): void {
    this.#context.deadlines.disarm(this);
    this.#context.gone(this);
  }
}

export class TlsAcceptor {
  readonly #server: tls.Server;
  readonly #context: SessionContext;
  /** By address and port of the client. */
  readonly #handshakes = new Map<string, Handshake>();

  /** @param onSecure a handshake is done; `protocol` is what will be spoken */
  constructor(
    identity: TlsIdentity,
    context: SessionContext,
    onSecure: (socket: TLSSocket, peer: Peer, protocol: Protocol) => void,
  ) {
    this.#context = context;
    this.#server = tls.createServer({
      cert: identity.cert,
      key: identity.key,
      ticketKeys: Buffer.from(identity.ticketKeys, 'base64'),
      sessionIdContext: SESSION_CONTEXT,
      minVersion: 'TLSv1.2',
      ALPNProtocols: ['h2', 'http/1.1'],
      handshakeTimeout: context.limits.headerMs + BACKUP_MS,
    });
    this.#server.on('secureConnection', (socket) => {
      const handshake = this.#handshakes.get(keyOf(socket));
      if (handshake === undefined) {
        // It went away in the moment of its success.
        socket.destroy();
        return;
      }
      socket.allowHalfOpen = true;
      this.#settle(keyOf(socket), handshake);
      onSecure(socket, handshake.peer, socket.alpnProtocol === 'h2' ? 'h2' : 'http/1.1');
    });
  }

  /** Begins a handshake. What fails ends with the socket, which nobody else hears of. */
  accept(socket: net.Socket, peer: Peer): Session {
    const key = keyOf(socket);
    const handshake = new Handshake(socket, peer, this.#context);
    this.#handshakes.set(key, handshake);
    socket.on('close', () => this.#settle(key, handshake));
    // A client that leaves in the middle of it is gone: nobody reads yet who could see its end.
    socket.allowHalfOpen = false;
    this.#server.emit('connection', socket);
    return handshake;
  }

  #settle(key: string, handshake: Handshake): void {
    if (this.#handshakes.get(key) !== handshake) return;
    this.#handshakes.delete(key);
    handshake.done();
  }
}

function keyOf({ remoteAddress, remotePort }: net.Socket): string {
  return `${remoteAddress} ${remotePort}`;
}
