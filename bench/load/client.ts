/**
 * Makes autocannon's clients do a connection per request exactly, and counts their connections.
 *
 * `reconnectRate: 1` closes the connection after each response, but autocannon 9 then reports no response at all
 * (lib/httpClient.js returns before it emits `response`), and opens one connection too many at the end. Every
 * request says `Connection: keep-alive` (lib/httpRequestBuilder.js), and a `close` from the options is added to
 * that. So this steps in where a client sends, and where it reconnects. It reaches into the library, which is why
 * a version that looks different is refused, and a test holds responses = requests = connections.
 */
import type autocannon from 'autocannon';

interface ClientInternals {
  readonly reqsMade: number;
  readonly responseMax: number;
  readonly pipelinedRequests: { terminateRequest(): FinishedRequest };
  getRequestBuffer(): Buffer;
  _connect(): void;
  _resetConnection(): void;
  destroy(): void;
}

interface FinishedRequest {
  readonly headers: { readonly statusCode: number };
  readonly bytes: number;
  /** In milliseconds. */
  readonly duration: number;
}

/** Calls `onConnect` for each connection the client opens. To be used as `setupClient`. */
export function countConnections(client: autocannon.Client, onConnect: () => void): void {
  const internals = internalsOf(client);
  const connect = internals._connect;
  internals._connect = () => {
    onConnect();
    connect.call(internals);
  };
}

/**
 * Makes a client with `reconnectRate: 1` ask for each connection to be closed, report every response, and open no
 * connection after its last one.
 */
export function closeAfterEachRequest(client: autocannon.Client): void {
  const internals = internalsOf(client);
  const { getRequestBuffer } = internals;
  let request: Buffer | undefined;
  internals.getRequestBuffer = () => {
    request ??= askToClose(getRequestBuffer.call(internals));
    return request;
  };
  const { pipelinedRequests, _resetConnection: reconnect } = internals;
  const { terminateRequest } = pipelinedRequests;
  let finished: FinishedRequest | undefined;
  pipelinedRequests.terminateRequest = () => {
    finished = terminateRequest.call(pipelinedRequests);
    return finished;
  };
  internals._resetConnection = () => {
    if (finished !== undefined) {
      client.emit('response', finished.headers.statusCode, finished.bytes, finished.duration);
    }
    if (internals.reqsMade >= internals.responseMax) internals.destroy();
    else reconnect.call(internals);
  };
}

function askToClose(request: Buffer): Buffer {
  return Buffer.from(
    request.toString('latin1').replace('Connection: keep-alive', 'Connection: close'),
    'latin1',
  );
}

function internalsOf(client: autocannon.Client): ClientInternals {
  const internals = client as unknown as ClientInternals;
  const known =
    typeof internals.reqsMade === 'number' &&
    typeof internals.pipelinedRequests?.terminateRequest === 'function' &&
    [internals.getRequestBuffer, internals._connect, internals._resetConnection, internals.destroy].every(
      (method) => typeof method === 'function',
    );
  if (!known) throw new Error('this version of autocannon is not the one that bench/load/client.ts knows');
  return internals;
}
