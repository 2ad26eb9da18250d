/**
 * Sockets: socket(7), ip(7), tcp(7). All descriptors made here are non-blocking and closed on exec. What is
 * called for each request or connection returns the kernel's answer, or the errno with its sign changed;
 * what sets something up throws the system's error.
 */

import { UNIX_CLIENT } from '../config/socket-path.js';
import { ADDRESS_BYTES, decodeAddress, encodeAddress, encodePath, type SocketName } from './address.js';
import * as C from './constants.js';
import { checked, libc, type Memory, resultOf, systemError } from './libc.js';

const NEW = C.SOCK_NONBLOCK | C.SOCK_CLOEXEC;

/** A socket that listens on an IP address. */
export interface ListenOptions extends SocketName {
  readonly backlog: number;
  /** Connections come when their first bytes are there, or after about a second (TCP_DEFER_ACCEPT). */
  readonly deferAccept: boolean;
}

/** The kernel counts in retransmissions, of which the first is after a second. */
const DEFER_SECONDS = 1;

/** Between two probes, and how many may stay without an answer: what libuv sets. */
const PROBE_SECONDS = 1;
const PROBES = 10;

/** An address of no family. */
const NOWHERE = new Uint8Array(16);

const addressBytes = Buffer.alloc(ADDRESS_BYTES);
const addressLength = new Uint32Array(1);
const option = new Int32Array(1);
const optionLength = new Uint32Array(1);

/**
 * Binds and listens on an IP address. An address of IPv6 takes IPv4 too, where it is `::` (RFC 3493 section 5.3).
 *
 * @throws the system's error, such as EADDRINUSE
 */
export function listenOn({ address, port, backlog, deferAccept }: ListenOptions): number {
  const bytes = encodeAddress({ address, port });
  return listenAt(bytes, backlog, (fd, family) => {
    setOption(fd, C.SOL_SOCKET, C.SO_REUSEADDR, 1);
    if (family === C.AF_INET6) setOption(fd, C.IPPROTO_IPV6, C.IPV6_V6ONLY, 0);
    // Inherited by what is accepted, so that nobody has to be asked again for each connection.
    setOption(fd, C.IPPROTO_TCP, C.TCP_NODELAY, 1);
    if (deferAccept) setOption(fd, C.IPPROTO_TCP, C.TCP_DEFER_ACCEPT, DEFER_SECONDS);
  });
}

/**
 * Binds and listens on a Unix-domain socket, whose file is made.
 *
 * @throws the system's error, such as EADDRINUSE when there is a file already
 */
export function listenOnPath(path: string, backlog: number): number {
  return listenAt(encodePath(path), backlog, () => undefined);
}

/** A listening socket of the address's family; `prepare` sets its options before it is bound. */
function listenAt(address: Buffer, backlog: number, prepare: (fd: number, family: number) => void): number {
  const { socket, bind, listen, close } = libc();
  const family = address.readUInt16LE(0);
  const fd = checked('socket', socket(family, C.SOCK_STREAM | NEW, 0));
  try {
    prepare(fd, family);
    checked('bind', bind(fd, address, address.length));
    checked('listen', listen(fd, backlog));
    return fd;
  } catch (error) {
    close(fd);
    throw error;
  }
}

/**
 * Listens on a socket that was bound by somebody else. It becomes non-blocking, for all who have it: that is
 * a property of the socket and not of the descriptor. Closed on exec it is already: node does that when it
 * starts (uv_disable_stdio_inheritance).
 *
 * @returns what it is bound to
 * @throws the system's error when it is no socket that can listen
 */
export function listenOnInherited(fd: number, backlog: number): SocketName {
  const { fcntl, listen } = libc();
  if (getOption(fd, C.SOL_SOCKET, C.SO_TYPE) !== C.SOCK_STREAM) {
    throw systemError('listen', -C.EOPNOTSUPP);
  }
  checked('listen', listen(fd, backlog));
  const flags = checked('fcntl', fcntl(fd, C.F_GETFL, 0));
  checked('fcntl', fcntl(fd, C.F_SETFL, flags | C.O_NONBLOCK));
  const name = localName(fd);
  const family = addressBytes.readUInt16LE(0);
  if (family === C.AF_UNIX) return name;
  if (family !== C.AF_INET && family !== C.AF_INET6) throw systemError('listen', -C.EAFNOSUPPORT);
  setOption(fd, C.IPPROTO_TCP, C.TCP_NODELAY, 1);
  return name;
}

export function setOption(fd: number, level: number, name: number, value: number): void {
  option[0] = value;
  checked('setsockopt', libc().setsockopt(fd, level, name, option, 4));
}

export function getOption(fd: number, level: number, name: number): number {
  optionLength[0] = 4;
  checked('getsockopt', libc().getsockopt(fd, level, name, option, optionLength));
  return option[0]!;
}

/** The descriptor of the next connection; -EAGAIN when there is none. */
export function accept(listener: number): number {
  return resultOf(libc().accept4(listener, null, null, NEW));
}

/** The address that a socket is bound to. */
export function localName(fd: number): SocketName {
  addressLength[0] = ADDRESS_BYTES;
  checked('getsockname', libc().getsockname(fd, addressBytes, addressLength));
  return decodeAddress(addressBytes, addressLength[0]);
}

/** The address at the other end; without one when the connection is gone. A Unix-domain client is `unix:`. */
export function peerName(fd: number): SocketName {
  addressLength[0] = ADDRESS_BYTES;
  if (libc().getpeername(fd, addressBytes, addressLength) < 0) return { address: '', port: 0 };
  // Such a client may have a name, and then of its own choice.
  if (addressBytes.readUInt16LE(0) === C.AF_UNIX) return { address: UNIX_CLIENT, port: 0 };
  return decodeAddress(addressBytes, addressLength[0]);
}

/** Bytes read, 0 at the peer's end, or -errno. */
export function receive(fd: number, buffer: Memory, length: number): number {
  return resultOf(libc().recv(fd, buffer, length, 0));
}

/** Bytes that the kernel took, or -errno. `more`: what comes next belongs to it (MSG_MORE). */
export function send(fd: number, bytes: Memory, length: number, more: boolean): number {
  return resultOf(libc().send(fd, bytes, length, more ? C.MSG_NOSIGNAL | C.MSG_MORE : C.MSG_NOSIGNAL));
}

/**
 * Asks the peer of a TCP connection whether it is still there when nothing has come for so long; one that does not
 * answer ends the connection with ETIMEDOUT. Other kinds of sockets have no peer that could go without a word.
 */
export function probePeer(fd: number, idleSeconds: number): void {
  if (getOption(fd, C.SOL_SOCKET, C.SO_DOMAIN) === C.AF_UNIX) return;
  setOption(fd, C.SOL_SOCKET, C.SO_KEEPALIVE, 1);
  setOption(fd, C.IPPROTO_TCP, C.TCP_KEEPIDLE, idleSeconds);
  setOption(fd, C.IPPROTO_TCP, C.TCP_KEEPINTVL, PROBE_SECONDS);
  setOption(fd, C.IPPROTO_TCP, C.TCP_KEEPCNT, PROBES);
}

/** Closes our direction: the peer reads its end. */
export function shutdownWrite(fd: number): void {
  // A connection that the peer has reset has no direction left to close.
  libc().shutdown(fd, C.SHUT_WR);
}

/** Ends the connection, whoever else has the descriptor: the peer reads its end. */
export function shutdownBoth(fd: number): void {
  libc().shutdown(fd, C.SHUT_RDWR);
}

/**
 * Ends a TCP connection with a reset, whoever else has the descriptor: to connect to nowhere dissolves it
 * (connect(2), AF_UNSPEC). Other kinds of sockets know no reset: the peer reads its end.
 */
export function reset(fd: number): void {
  if (libc().connect(fd, NOWHERE, NOWHERE.length) < 0) shutdownBoth(fd);
}

/** Never fails but for a descriptor that is not open, which would be a defect. */
export function close(fd: number): void {
  checked('close', libc().close(fd));
}
