/** `unix:PATH`: a Unix-domain socket where else an IP address stands, as nginx writes it. */

const PREFIX = 'unix:';

/** The client at the other end of a Unix-domain socket, in logs and in STATS_ALLOW: it has no address. */
export const UNIX_CLIENT = PREFIX;

/** `sun_path` of `struct sockaddr_un` has 108 bytes, the last of which is a zero (unix(7)). */
export const MAX_SOCKET_PATH_BYTES = 107;

/** The path in `unix:PATH`; undefined for what is no Unix-domain socket. */
export function socketPathOf(host: string): string | undefined {
  return host.startsWith(PREFIX) ? host.slice(PREFIX.length) : undefined;
}

/** `unix:PATH` for a path. */
export function hostOfSocket(path: string): string {
  return PREFIX + path;
}
