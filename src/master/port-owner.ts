/** Who listens on a port or a Unix-domain socket, for the message that says it is taken. Linux only; elsewhere nobody is named. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { basename } from 'node:path';
import { unixListeners, unixTable } from '../posix/unix-table.js';

export interface PortOwner {
  readonly pid: number;
  /** Short: `nginx`, `node server.js`. */
  readonly command: string;
}

/** TCP_LISTEN in the kernel's list of states. */
const LISTEN = '0A';

/**
 * The process that listens on a TCP port, on any address. Undefined when nobody does, or when the process
 * belongs to a user whose descriptors we may not see.
 */
export function findOwnerOfPort(port: number): PortOwner | undefined {
  if (process.platform !== 'linux') return undefined;
  return holderOf(['tcp', 'tcp6'].flatMap((name) => listeningInodes(read(`/proc/net/${name}`), port)));
}

/** The process that listens on the Unix-domain socket of this path. */
export function findOwnerOfSocket(path: string): PortOwner | undefined {
  const listeners = unixListeners(unixTable()).filter((listener) => listener.path === path);
  return holderOf(listeners.map(({ inode }) => inode));
}

function holderOf(listening: readonly string[]): PortOwner | undefined {
  const inodes = new Set(listening);
  if (inodes.size === 0) return undefined;
  const pids = list('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .sort((a, b) => a - b);
  // Children inherit a listening socket: the first to have it is the lowest pid.
  const pid = pids.find((candidate) => holdsOneOf(candidate, inodes));
  return pid === undefined ? undefined : { pid, command: describeCommand(read(`/proc/${pid}/cmdline`)) };
}

/**
 * Inodes of the sockets that listen on a port, from the text of /proc/net/tcp:
 *
 *     sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
 *      0: 0100007F:0BB8 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 48213 ...
 */
export function listeningInodes(table: string, port: number): string[] {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return table
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([, local = '', , state]) => state === LISTEN && local.endsWith(suffix))
    .flatMap((fields) => fields[9] ?? []);
}

/** A short name for a process from its command line (arguments with NUL between them). */
export function describeCommand(cmdline: string): string {
  const [program = '', ...args] = cmdline.split('\0').filter((arg) => arg !== '');
  // Daemons that write a title over their arguments: `nginx: master process /usr/sbin/nginx`.
  const title = /^([^\s/:]+): /.exec(program)?.[1];
  if (title !== undefined) return title;
  const name = basename(program);
  if (!/^(?:node|nodejs|bun|deno|python[\d.]*|ruby|perl|php|java)$/.test(name))
    return name || 'an unknown process';
  const script = args.find((arg) => !arg.startsWith('-'));
  // `node -e 'code ...'`: the code is no name.
  return script === undefined || /\s|\(/.test(script) ? name : `${name} ${basename(script)}`;
}

function holdsOneOf(pid: number, inodes: ReadonlySet<string>): boolean {
  return list(`/proc/${pid}/fd`).some((fd) => {
    const inode = /^socket:\[(\d+)\]$/.exec(link(`/proc/${pid}/fd/${fd}`))?.[1];
    return inode !== undefined && inodes.has(inode);
  });
}

// Processes come and go while we look, and many are closed to us: what cannot be read is passed over.

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function list(path: string): readonly string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

function link(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}
