/** Gives sockets of a secure listener to whoever speaks TLS on them: on any transport. */
import type net from 'node:net';
import type { AcceptSecure } from '../connection.js';
import { peerOf } from '../peer.js';

/** `closed` is called when the socket is gone. Without `accept` that is at once. */
export function startSecure(
  socket: net.Socket,
  listener: number,
  accept: AcceptSecure | undefined,
  closed: () => void,
): void {
  socket.on('close', closed);
  // TLS hears of errors by itself; before and after it nobody needs to.
  socket.on('error', () => undefined);
  if (accept === undefined) socket.destroy();
  else accept(socket, peerOf(socket, listener));
}
