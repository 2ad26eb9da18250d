/**
 * Puts a descriptor into node's own event loop. `koffi.node.poll` is libuv's uv_poll; it is typed but not
 * documented, and its callback is given `(status, events)`. Nothing may leave that callback: koffi
 * would keep the exception for later.
 */
import { loadKoffi } from './koffi.js';

export interface Watch {
  close(): void;
}

/** koffi's are collected, and say nothing any more, when nobody else refers to them. */
const open = new Set<Watch>();

/** Calls back, in every turn of the loop, for as long as the descriptor is readable. */
export function watchReadable(fd: number, readable: () => void): Watch {
  const onEvent = (): void => {
    try {
      readable();
    } catch (error) {
      // Thrown again where node sees it, as what it is: uncaught.
      setImmediate(() => {
        throw error;
      });
    }
  };
  const poll = loadKoffi().node.poll(fd, { readable: true }, onEvent);
  const watch = {
    close: () => {
      open.delete(watch);
      poll.close();
    },
  };
  open.add(watch);
  return watch;
}
