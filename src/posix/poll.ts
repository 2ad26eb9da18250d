/**
 * Puts a descriptor into node's own event loop. `koffi.node.poll` is libuv's uv_poll; it is typed but not
 * documented, and its callback is given `(status, events)`. Nothing may leave that callback: koffi
 * would keep the exception for later.
 */
import { loadKoffi } from './koffi.js';

export interface Watch {
  close(): void;
}

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
  return loadKoffi().node.poll(fd, { readable: true }, onEvent);
}
