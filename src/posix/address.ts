/**
 * Socket addresses as the kernel has them (ip(7), ipv6(7), unix(7)), to and from text. The family is in the
 * machine's byte order, which is little-endian on x64 and arm64; ports are in the network's.
 *
 *     AF_INET    | family 2 | port 2 | address 4 | zero 8 |
 *     AF_INET6   | family 2 | port 2 | flow 4 | address 16 | scope 4 |
 *     AF_UNIX    | family 2 | path, ended by a zero |
 */
import { isIPv4, isIPv6, SocketAddress } from 'node:net';
import { AF_INET, AF_INET6, AF_UNIX } from './constants.js';

/** Room for an address of any family: `struct sockaddr_storage`. */
export const ADDRESS_BYTES = 128;
/** `sun_path` of `struct sockaddr_un`, with its zero. */
const MAX_PATH_BYTES = 108;

/** Address and port; a path stands in `address`, with port 0. */
export interface SocketName {
  readonly address: string;
  readonly port: number;
}

/** The bytes for bind(2). @throws RangeError for what is no IP address */
export function encodeAddress({ address, port }: SocketName): Buffer {
  if (isIPv4(address)) {
    const bytes = Buffer.alloc(16);
    bytes.writeUInt16LE(AF_INET, 0);
    bytes.writeUInt16BE(port, 2);
    bytes.set(address.split('.').map(Number), 4);
    return bytes;
  }
  if (!isIPv6(address)) throw new RangeError(`${address} is not an IP address`);
  const bytes = Buffer.alloc(28);
  bytes.writeUInt16LE(AF_INET6, 0);
  bytes.writeUInt16BE(port, 2);
  bytes.set(groupsOf(address), 8);
  return bytes;
}

/** The bytes for bind(2) of a Unix-domain socket. @throws RangeError when the path is too long for one */
export function encodePath(path: string): Buffer {
  const text = Buffer.from(path);
  if (text.length >= MAX_PATH_BYTES) {
    throw new RangeError(`${path} is longer than a socket's path may be (${MAX_PATH_BYTES - 1} bytes)`);
  }
  const bytes = Buffer.alloc(2 + text.length + 1);
  bytes.writeUInt16LE(AF_UNIX, 0);
  text.copy(bytes, 2);
  return bytes;
}

/**
 * What the kernel filled in. IPv4 in IPv6 (`::ffff:a.b.c.d`) is given as IPv4, and an abstract name of a
 * Unix-domain socket with `@` for the zero that it begins with, as ss(8) shows it.
 *
 * @param length of the address, as the kernel gave it: the path of a Unix-domain socket need not end in a zero
 */
export function decodeAddress(bytes: Buffer, length = bytes.length): SocketName {
  const family = bytes.readUInt16LE(0);
  if (family === AF_UNIX) return { address: decodePath(bytes.subarray(2, length)), port: 0 };
  if (family === AF_INET) {
    return { address: dotted(bytes, 4), port: bytes.readUInt16BE(2) };
  }
  if (family !== AF_INET6) return { address: '', port: 0 };
  const port = bytes.readUInt16BE(2);
  const groups = bytes.subarray(8, 24);
  if (isMapped(groups)) return { address: dotted(groups, 12), port };
  const text = Array.from({ length: 8 }, (_, i) => groups.readUInt16BE(2 * i).toString(16)).join(':');
  // node writes it in the usual short form (RFC 5952).
  return { address: new SocketAddress({ address: text, family: 'ipv6' }).address, port };
}

/** Asked for each connection that is logged, hence not by way of a list. */
function dotted(bytes: Buffer, at: number): string {
  return `${bytes[at]}.${bytes[at + 1]}.${bytes[at + 2]}.${bytes[at + 3]}`;
}

/** `''` for a socket without a name. */
function decodePath(bytes: Buffer): string {
  if (bytes.length === 0) return '';
  if (bytes[0] === 0) return `@${bytes.toString('utf8', 1)}`;
  const end = bytes.indexOf(0);
  return bytes.toString('utf8', 0, end < 0 ? bytes.length : end);
}

function isMapped(groups: Buffer): boolean {
  return groups.subarray(0, 10).every((byte) => byte === 0) && groups.readUInt16BE(10) === 0xffff;
}

/** The 16 bytes of an IPv6 address. */
function groupsOf(address: string): Buffer {
  const [text = ''] = address.split('%');
  const [head = '', tail] = withHexTail(text).split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = Array.from({ length: 8 - left.length - right.length }, () => '0');
  const bytes = Buffer.alloc(16);
  [...left, ...zeros, ...right].forEach((group, i) => {
    bytes.writeUInt16BE(Number.parseInt(group, 16), 2 * i);
  });
  return bytes;
}

/** `::ffff:1.2.3.4` as `::ffff:102:304`. */
function withHexTail(text: string): string {
  const dotted = /\d+\.\d+\.\d+\.\d+$/.exec(text)?.[0];
  if (dotted === undefined) return text;
  const [a = 0, b = 0, c = 0, d = 0] = dotted.split('.').map(Number);
  return `${text.slice(0, -dotted.length)}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
}
