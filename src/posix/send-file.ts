/** sendfile(2): from a file to a socket within the kernel. */
import { libc, resultOf } from './libc.js';

/** `off_t`, two words of it, the lower first. */
const offset = new Uint32Array(2);
const WORD = 2 ** 32;

/** Bytes that the socket took of `count` at `position`; 0 at the end of the file; or -errno. */
export function sendFile(socket: number, file: number, position: number, count: number): number {
  offset[0] = position % WORD;
  offset[1] = Math.floor(position / WORD);
  return resultOf(libc().sendfile(socket, file, offset, count));
}
