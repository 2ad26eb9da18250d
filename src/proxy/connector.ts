/**
 * Connections to upstreams: made as undici makes them, and careful about how they end. A response that only the
 * end of its connection ends would otherwise look whole where it was cut.
 *
 *     undici ◄── socket                           ◄── upstream
 *     undici ◄── TLS ◄── Ciphertext ◄── socket    ◄── upstream
 */
import { isIP, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { buildConnector, errors } from 'undici';
import { Ciphertext } from './ciphertext.js';
import { wasReset, watchEnd } from './end-watch.js';

/**
 * Connects within so many milliseconds, the handshake of TLS included. A connection may be closed on one side only,
 * as a tunnel is.
 */
export function connector(timeoutMs: number): buildConnector.connector {
  const connect = buildConnector({ timeout: timeoutMs, autoSelectFamily: true, allowHalfOpen: true });
  let session: Buffer | undefined;
  return (where, callback) => {
    const deadlineMs = performance.now() + timeoutMs;
    const isSecure = where.protocol === 'https:';
    const plain = isSecure ? { ...where, protocol: 'http:', port: where.port || '443' } : where;
    connect(plain, (...[error, socket]: Parameters<buildConnector.Callback>) => {
      if (error !== null) {
        callback(error, null);
        return;
      }
      watchEnd(socket, () => wasReset(socket));
      if (!isSecure) {
        callback(null, socket);
        return;
      }
      const secure = overTls(socket, where.hostname, session);
      secure.on('session', (ticket) => {
        session = ticket;
      });
      shakeHands(secure, deadlineMs - performance.now(), callback);
    });
  };
}

/** TLS on a socket: its 'end' is one that the upstream has said, and no one could have made on the way. */
function overTls(below: Socket, host: string, session: Buffer | undefined): TLSSocket {
  const ciphertext = new Ciphertext(below);
  const socket = connectTls({
    socket: ciphertext,
    host,
    servername: isIP(host) === 0 ? host : '',
    ALPNProtocols: ['http/1.1'],
    session,
  });
  let isCut = true;
  const push = socket.push.bind(socket);
  socket.push = (bytes, encoding) => {
    if (bytes === null) isCut = ciphertext.hasEnded;
    return push(bytes, encoding);
  };
  watchEnd(socket, () => isCut);
  inTicks(socket);
  return socket;
}

/**
 * Lets a socket on top of a stream go down to it in ticks of their own. Node runs all that wait while it calls that
 * stream, if nothing of node's is on the stack, as in a callback of `posix/poll.ts`: undici would hear of bytes in
 * the midst of asking for them, and fail an assertion.
 */
function inTicks(socket: TLSSocket): void {
  const read = socket._read.bind(socket);
  const write = socket._write.bind(socket);
  const writev = socket._writev!.bind(socket);
  const final = socket._final.bind(socket);
  socket._read = (size) => process.nextTick(read, size);
  socket._write = (bytes, encoding, done) => process.nextTick(write, bytes, encoding, done);
  socket._writev = (all, done) => process.nextTick(writev, all, done);
  socket._final = (done) => process.nextTick(final, done);
}

function shakeHands(socket: TLSSocket, leftMs: number, callback: buildConnector.Callback): void {
  const timer = setTimeout(() => {
    socket.destroy(new errors.ConnectTimeoutError('Connect Timeout Error (the handshake of TLS)'));
  }, leftMs);
  const settle = (error: Error | null): void => {
    clearTimeout(timer);
    socket.off('secureConnect', onConnect).off('error', settle);
    if (error === null) callback(null, socket);
    else callback(error, null);
  };
  const onConnect = (): void => settle(null);
  socket.on('secureConnect', onConnect).on('error', settle);
}
