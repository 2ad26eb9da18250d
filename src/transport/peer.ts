/** Who is at the other end of a node socket. */
import type net from 'node:net';
import { UNIX_CLIENT } from '../config/socket-path.js';
import type { Peer } from './connection.js';

/** A listener on `::` sees IPv4 clients as ::ffff:a.b.c.d; logs and rules mean a.b.c.d. */
export function withoutMapping(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/, '');
}

/** True for the address of a client on this machine: on the loopback interface, or a Unix-domain socket. */
export function isLocal(address: string): boolean {
  return address === UNIX_CLIENT || address === '::1' || /^(?:::ffff:)?127\./.test(address);
}

/** Asks the kernel; the address of a socket that is gone already is `''`. */
export function peerOf({ remoteAddress, remotePort }: net.Socket, listener: number): Peer {
  const address = remoteAddress === undefined ? '' : withoutMapping(remoteAddress);
  return { address, port: remotePort ?? 0, listener };
}
