/** The kernel's table of Unix-domain sockets, for what no call of node's tells. Linux only; elsewhere it is empty. */
import { readFileSync, readlinkSync } from 'node:fs';

/** A socket that listens: its inode, and its path (`@` begins an abstract name). */
export interface UnixListener {
  readonly inode: string;
  readonly path: string;
}

/** __SO_ACCEPTCON in the kernel's flags. */
const LISTENS = 0x10000;

/**
 * The sockets that listen, from the text of /proc/net/unix:
 *
 *     Num               RefCount Protocol Flags    Type St Inode Path
 *     0000000000000000: 00000002 00000000 00010000 0001 01 48213 /run/handover.sock
 */
export function unixListeners(table: string): UnixListener[] {
  return table.split('\n').flatMap((line) => {
    const [, flags, inode, path] = /^\w+: \w+ \w+ (\w+) \w+ \w+ +(\d+) (.+)$/.exec(line) ?? [];
    if (flags === undefined || inode === undefined || path === undefined) return [];
    return (Number.parseInt(flags, 16) & LISTENS) === 0 ? [] : [{ inode, path }];
  });
}

/** The table as it is now; `''` where there is none. */
export function unixTable(): string {
  try {
    return readFileSync('/proc/self/net/unix', 'utf8');
  } catch {
    return '';
  }
}

/** The path that a listening descriptor of this process is bound to; `fd/N` where that cannot be known. */
export function pathOfSocket(fd: number): string {
  let target = '';
  try {
    target = readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    // No /proc: the descriptor has to name it.
  }
  const inode = /^socket:\[(\d+)\]$/.exec(target)?.[1];
  return unixListeners(unixTable()).find((listener) => listener.inode === inode)?.path ?? `fd/${fd}`;
}
