/** How a server of this machine is reached without TLS. Pure. */
import { socketPathOf } from '../config/socket-path.js';

/** As node:http wants it. */
export type PlainListener =
  | { readonly socketPath: string }
  | { readonly host: string; readonly port: number };

/**
 * Over a Unix-domain socket, or the loopback: to others the server does not listen in this.
 *
 * @param listeners what the server listens on, as stats.json says it
 */
export function plainListener(listeners: readonly string[]): PlainListener {
  const plain = listeners.find((each) => !each.startsWith('https:')) ?? '';
  const socketPath = socketPathOf(plain);
  if (socketPath !== undefined) return { socketPath };
  const { hostname, port } = new URL(plain);
  const isAny = hostname === '0.0.0.0' || hostname === '[::]';
  return { host: isAny ? '127.0.0.1' : hostname.replaceAll(/[[\]]/g, ''), port: Number(port || 80) };
}
