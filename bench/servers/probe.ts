/** Asks a server on this machine, once and slowly: whether it answers, and whether it sends what it should. */
import { once } from 'node:events';
import { get } from 'node:http';
import { createServer } from 'node:net';
import { messageOf } from '../../src/errors.js';

const ANSWER_MS = 10_000;

/** A port of 127.0.0.1 that is free at this moment. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port to be had');
  return address.port;
}

/** True when something speaks HTTP there, whatever it says. */
export async function answers(port: number): Promise<boolean> {
  try {
    await fetchFile(port, '/');
    return true;
  } catch {
    // Not yet, which is what the caller wants to know.
    return false;
  }
}

/** Rejects, saying why, unless the server sends exactly this. */
export async function checkFile(port: number, path: string, expected: Buffer): Promise<void> {
  const { status, body } = await fetchFile(port, path).catch((error: unknown) => {
    throw new Error(`GET ${path}: ${messageOf(error)}`);
  });
  if (status !== 200) throw new Error(`GET ${path} is answered with ${status}`);
  if (!body.equals(expected)) throw new Error(`GET ${path} is answered with other content than the file's`);
}

/** One plain GET on a connection of its own, without an Accept-Encoding, as the load generators do it. */
async function fetchFile(port: number, path: string): Promise<{ status: number; body: Buffer }> {
  const request = get({ host: '127.0.0.1', port, path, agent: false, timeout: ANSWER_MS });
  request.on('timeout', () => request.destroy(new Error('no answer in time')));
  const [response] = await once(request, 'response');
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk);
  return { status: response.statusCode, body: Buffer.concat(chunks) };
}
