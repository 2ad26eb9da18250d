/**
 * The one place that touches what node:net keeps under `_handle`. Node's own cluster module hands
 * connections over in the same way: the bare handle goes through the channel, without the bookkeeping
 * that `process.send(message, socket)` adds for each net.Socket and never gives back (nodejs/node#15651),
 * and the sender's copy stays open until the sender closes it.
 */
import type { ChildProcess, SendHandle } from 'node:child_process';
import net from 'node:net';

/** node's TCP or Pipe wrap: opaque but for this. */
export interface RawHandle {
  readonly writeQueueSize: number;
  close(): void;
}

/** The handle under a socket; undefined once the socket is closed. */
export function handleOf(socket: net.Socket): RawHandle | undefined {
  const { _handle } = socket as unknown as { _handle: RawHandle | null };
  return _handle ?? undefined;
}

/** Where the bytes of a socket go, and how it is told of them. */
export interface ReadInto {
  readonly buffer: Buffer;
  /** Returning false would pause. */
  callback(length: number, buffer: Buffer): boolean;
}

/** A socket around a handle that came through a channel. Nothing is read before `resume()`. */
export function socketOf(handle: RawHandle, onread?: ReadInto): net.Socket {
  const options = { handle, allowHalfOpen: true, pauseOnCreate: true, ...(onread && { onread }) };
  return new net.Socket(options as net.SocketConstructorOpts);
}

type Channel = Pick<ChildProcess, 'send'> | Pick<NodeJS.Process, 'send'>;

/** Sends a message with a handle; `sent` is told when it was written or could not be. */
export function sendHandle(
  channel: Channel,
  message: object,
  handle: RawHandle,
  sent: (error: Error | null) => void,
): void {
  const send = channel.send as (
    this: Channel,
    message: object,
    handle: SendHandle,
    options: object,
    sent: (error: Error | null) => void,
  ) => boolean;
  send.call(channel, message, handle as unknown as SendHandle, { keepOpen: true }, sent);
}
