/**
 * What the least that does the work looks like: node:http in node:cluster, every part into a file of its own, hashed
 * while it comes and synced before it is acknowledged. It knows no jobs, resumes nothing, and puts nothing together.
 * Arguments: directory, port, number of workers.
 */
import cluster from 'node:cluster';
import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import { messageOf } from '../../src/errors.js';

const [directory = '', port = '', workers = ''] = process.argv.slice(2);

if (cluster.isPrimary) {
  mkdirSync(directory, { recursive: true });
  for (let i = 0; i < Number(workers); i++) cluster.fork();
  process.on('SIGTERM', () => process.exit());
} else {
  createServer((request, response) => {
    take(request, response).catch((error: unknown) => response.destroy(new Error(messageOf(error))));
  }).listen(Number(port), '127.0.0.1');
}

async function take(request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.method !== 'PUT') return void response.writeHead(404).end();
  const [, , job = '', , part = ''] = request.url!.split('/');
  const path = join(directory, `${job}.${part}`);
  const hash = createHash('sha256');
  let bytes = 0;
  const file = await open(`${path}.tmp`, 'w');
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      hash.update(chunk);
      await file.write(chunk);
      bytes += chunk.length;
    }
    await file.datasync();
  } finally {
    await file.close();
  }
  await rename(`${path}.tmp`, path);
  const text = JSON.stringify({ part, bytes, sha256: hash.digest('hex'), isNew: true });
  const type = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) };
  response.writeHead(201, type).end(text);
}
