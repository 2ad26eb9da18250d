/**
 * The one place that touches what node:net keeps under `_handle`. Node's own cluster module accepts and
 * hands connections over in the same way: the bare handle goes through the channel, without the bookkeeping
 * that `process.send(message, socket)` adds for each net.Socket and never gives back (nodejs/node#15651),
 * and the sender's copy stays open until the sender closes it.
 */
import type { ChildProcess, SendHandle } from 'node:child_process';
import net from 'node:net';
import { getSystemErrorName } from 'node:util';

/** node's TCP or Pipe wrap: opaque but for this. */
export interface RawHandle {
  readonly writeQueueSize: number;
  /** A Unix-domain socket has no such thing. */
  setNoDelay?(on: boolean): unknown;
  close(): void;
}

/** The handle of a listening server, which calls `onconnection` with a libuv error code or a client. */
interface ListeningHandle {
  onconnection: (code: number, client: RawHandle | undefined) => void;
}

/**
 * Takes the connections of a listening server as bare handles: making a net.Socket of each, in a process
 * that never reads from it, would be a third of the cost of accepting it.
 */
export function acceptHandles(
  server: net.Server,
  accept: (client: RawHandle) => void,
  failed: (error: Error) => void,
): void {
  const { _handle } = server as unknown as { _handle: ListeningHandle };
  _handle.onconnection = (code, client) => {
    if (client === undefined) {
      failed(new Error(getSystemErrorName(code)));
      return;
    }
    client.setNoDelay?.(true);
    accept(client);
  };
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
export function socketOf(handle: RawHandle, onread?: ReadInto): HandleSocket {
  const options = { handle, allowHalfOpen: true, pauseOnCreate: true, ...(onread && { onread }) };
  return new HandleSocket(options as net.SocketConstructorOpts);
}

/** A socket that says when it is about to give up its handle, which knows what has not been sent. */
export class HandleSocket extends net.Socket {
  beforeDestroy: () => void = () => undefined;

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.beforeDestroy();
    super._destroy(error, callback);
  }
}

type Channel = ChildProcess | NodeJS.Process;

/** What became of a handle: it arrived; it did not, for want of descriptors there; the channel is gone. */
export type Delivery = 'arrived' | 'lost' | 'failed';

/**
 * Sends messages with handles through one channel. Node has one handle under way at a time and waits for
 * the other side's answer before it sends the next, so the answers come in the order of the handles. It
 * tries none again of those that did not arrive.
 */
export class HandleSender {
  readonly #channel: Channel;
  #unanswered: ((delivery: Delivery) => void)[] = [];

  constructor(channel: Channel) {
    this.#channel = channel;
    const answers: NodeJS.EventEmitter = channel;
    answers.on('internalMessage', (message: { readonly cmd?: unknown }) => {
      if (message.cmd === 'NODE_HANDLE_ACK') this.#unanswered.shift()?.('arrived');
      else if (message.cmd === 'NODE_HANDLE_NACK') this.#unanswered.shift()?.('lost');
    });
  }

  /** Our own copy of the handle stays open. */
  send(message: object, handle: RawHandle, done: (delivery: Delivery) => void): void {
    const send = this.#channel.send as (
      this: Channel,
      message: object,
      handle: SendHandle,
      options: object,
      written: (error: Error | null) => void,
    ) => boolean;
    this.#unanswered.push(done);
    send.call(this.#channel, message, handle as unknown as SendHandle, { keepOpen: true }, (error) => {
      if (error === null) return;
      this.#unanswered = this.#unanswered.filter((other) => other !== done);
      done('failed');
    });
  }
}
