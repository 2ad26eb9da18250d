/**
 * Makes autocannon's clients do a connection per request exactly, and counts their connections.
 *
 * `reconnectRate: 1` closes the connection after each response, but autocannon 9 then reports no response at all
 * (lib/httpClient.js returns before it emits `response`), and opens one connection too many at the end. A
 * `Connection: close` without it is worse: the client writes its next request into the closing connection. So
 * this steps in where a client reconnects. It reaches into the library, which is why a version that looks
 * different is refused, and a test holds responses = requests = connections.
 */
import type autocannon from 'autocannon';

interface ClientInternals {
  readonly reqsMade: number;
  readonly responseMax: number;
  readonly pipelinedRequests: { terminateRequest(): FinishedRequest };
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

/** Reports every response of a client with `reconnectRate: 1`, and opens no connection after its last one. */
export function reportBeforeReconnecting(client: autocannon.Client): void {
  const internals = internalsOf(client);
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

function internalsOf(client: autocannon.Client): ClientInternals {
  const internals = client as unknown as ClientInternals;
  const known =
    typeof internals.reqsMade === 'number' &&
    typeof internals.pipelinedRequests?.terminateRequest === 'function' &&
    [internals._connect, internals._resetConnection, internals.destroy].every(
      (method) => typeof method === 'function',
    );
  if (!known) throw new Error('this version of autocannon is not the one that bench/load/client.ts knows');
  return internals;
}
