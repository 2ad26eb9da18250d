/** How a connection to an upstream ends, told to undici so that it understands it. */
import type { Socket } from 'node:net';
import { systemCode } from '../errors.js';

/**
 * As undici has to be told of a connection that was cut: ECONNRESET it takes for an end in order, behind the head of
 * a response that only the end of the connection ends.
 */
const CUT = 'UND_ERR_SOCKET';

/**
 * Lets 'end' through when undici can hear of it, and only where the connection has ended in order; 'error' comes
 * where it has not.
 *
 * @param isCut asked when all that came has been read: true when something may be missing behind it
 */
export function watchEnd(socket: Socket, isCut: () => boolean): void {
  socket.on('error', (error: NodeJS.ErrnoException) => {
    if (systemCode(error) === 'ECONNRESET') error.code = CUT;
  });
  const emit = socket.emit.bind(socket) as (event: string | symbol, ...values: unknown[]) => boolean;
  const read = socket.read.bind(socket);
  let wantsMore = false;
  let isEndHeld = false;
  const end = (): void => {
    if (isCut()) socket.destroy(Object.assign(new Error('the connection was cut'), { code: CUT }));
    else emit('end');
  };
  socket.emit = (event: string | symbol, ...values: unknown[]): boolean => {
    if (event !== 'end') return emit(event, ...values);
    // Undici fails an assertion, and the process with it, when it hears of the end in a response that is paused:
    // it hears when it has asked for more than there was.
    isEndHeld = !wantsMore;
    if (!isEndHeld) end();
    return !isEndHeld;
  };
  socket.read = (size?: number): unknown => {
    const bytes: unknown = read(size);
    // Node itself reads nothing now and then.
    if (size === 0) return bytes;
    wantsMore = bytes === null;
    if (wantsMore && isEndHeld) {
      isEndHeld = false;
      process.nextTick(end);
    }
    return bytes;
  };
}

/** Where bytes came before a reset, libuv tells of an end; to write nothing tells the two apart (EPIPE is no reset). */
export function wasReset(socket: Socket): boolean {
  if (socket.writable) socket.write('');
  return systemCode(socket.errored) === 'ECONNRESET' || systemCode(socket.errored) === CUT;
}
