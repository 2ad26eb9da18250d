/** How many connections a Unix-domain socket takes that nobody accepts: connect(2) says at once when it is full. */
import { encodePath } from '../../src/posix/address.js';
import { AF_UNIX, SOCK_NONBLOCK, SOCK_STREAM } from '../../src/posix/constants.js';
import { loadKoffi } from '../../src/posix/koffi.js';
import { libc } from '../../src/posix/libc.js';

/** Connects until it is refused. Whoever would accept must be busy: this process, or one that is stopped. */
export function fillBacklog(path: string): number {
  const { socket, close } = libc();
  const connect = loadKoffi().load(null).func('int connect(int, const void *, uint32_t)');
  const address = encodePath(path);
  const fds: number[] = [];
  for (let refused = false; !refused; ) {
    const fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    fds.push(fd);
    refused = connect(fd, address, address.length) < 0;
  }
  for (const fd of fds) close(fd);
  return fds.length - 1;
}
