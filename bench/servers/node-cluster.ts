/**
 * The least a static server in node can do: node:http in node:cluster, every file read at the start and kept.
 * Run as `node-cluster.js DIRECTORY PORT WORKERS`.
 *
 * It is the floor for a server that uses node's own HTTP, not a server to use: files never change for it, and it
 * has no subdirectories, conditional requests, ranges, compression, cache limit, logs, statistics or time limits
 * but node's own.
 */
import cluster from 'node:cluster';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { createServer, type OutgoingHttpHeaders } from 'node:http';
import { forkWorkers } from './fork-workers.js';

interface CachedFile {
  readonly head: OutgoingHttpHeaders;
  readonly body: Buffer;
}

function readFiles(directory: string): ReadonlyMap<string, CachedFile> {
  const files = new Map<string, CachedFile>();
  for (const name of readdirSync(directory)) {
    const path = `${directory}/${name}`;
    const { size, mtime } = statSync(path);
    const head = {
      'content-type': 'text/plain; charset=utf-8',
      'content-length': size,
      'last-modified': mtime.toUTCString(),
      etag: `"${size.toString(16)}-${mtime.getTime().toString(16)}"`,
    };
    files.set(`/${name}`, { head, body: readFileSync(path) });
  }
  return files;
}

function serve(directory: string, port: number): void {
  const files = readFiles(directory);
  createServer((request, response) => {
    const file = files.get(request.url ?? '');
    if (file === undefined) response.writeHead(404, { 'content-length': 0 }).end();
    else response.writeHead(200, file.head).end(request.method === 'HEAD' ? undefined : file.body);
  }).listen(port, '127.0.0.1');
}

const [directory, port, workers] = process.argv.slice(2);
if (directory === undefined) throw new Error('usage: node-cluster.js DIRECTORY PORT WORKERS');
if (cluster.isPrimary) forkWorkers(Number(workers));
else serve(directory, Number(port));
