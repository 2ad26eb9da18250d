/** Clients that ask over HTTP/2 again and again, several requests at once, until they are told to stop. */
import http2 from 'node:http2';
import { setTimeout as delay } from 'node:timers/promises';
import { H2Client } from './h2-client.js';
import { emptyResult, type LoadOptions, type LoadResult } from './load-clients.js';

const PAUSE_MS = 10;

/**
 * Each client makes a new connection when the server has said that it takes no more on the old one, as
 * browsers do. What was asked before must be answered.
 *
 * @returns a function that stops them and resolves to what came of their requests
 */
export function startH2Load(
  { port, clients, pages }: Omit<LoadOptions, 'mode'>,
  atOnce: number,
): () => Promise<LoadResult> {
  const result = emptyResult();
  let stopping = false;
  const ask = async (client: H2Client, n: number): Promise<void> => {
    const { target, body: expected } = pages[n % pages.length]!;
    const { status, body, code } = await client.get(target);
    result.bytes += body.length;
    // Node's client gives up what it has not yet sent when GOAWAY comes. Nobody has seen it (RFC 9113 section 8.7).
    if (code === http2.constants.NGHTTP2_REFUSED_STREAM && client.goaway !== undefined) return;
    if (status === 0 || code !== 0) result.broken++;
    else if (status === 200 && body.equals(expected)) result.whole++;
    else result.wrong.push(`${target}: ${status}`);
  };
  const run = async (first: number): Promise<void> => {
    let client: H2Client | undefined;
    for (let n = first; !stopping; n++) {
      if (client?.isOpen !== true) {
        client = await H2Client.open(port).catch(() => undefined);
        if (client === undefined) {
          result.refused++;
          await delay(PAUSE_MS);
          continue;
        }
        result.connections++;
      }
      const open = client;
      await Promise.all(Array.from({ length: atOnce }, (_, i) => ask(open, n + i)));
      await delay(PAUSE_MS);
    }
    client?.close();
  };
  const ended = Promise.all(Array.from({ length: clients }, (_, i) => run(i)));
  return async () => {
    stopping = true;
    await ended;
    return result;
  };
}
