/** A client that reads the beginning of a response and then no more, until `socket.resume()`. */
import { within } from './eventually.js';
import type { RawClient } from './raw-client.js';

/** Sends a request; resolves to the first bytes of its response, when nothing more is being read. */
export function readBeginning(client: RawClient, request: string): Promise<string> {
  const { socket } = client;
  const beginning = new Promise<string>((resolve, reject) => {
    socket.once('data', (chunk: Buffer) => {
      socket.pause();
      resolve(chunk.toString('latin1', 0, 1000));
    });
    socket.once('close', () => reject(new Error('closed before the response began')));
  });
  client.send(request);
  return within(beginning, () => 'the beginning of a response');
}
