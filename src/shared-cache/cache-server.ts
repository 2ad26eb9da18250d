/**
 * The cache process: its shared memory, its socket, and a Peer for each worker. Where shared memory is scarce it
 * makes do with less, and says so in one line.
 */
import { closeSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { messageOf } from '../errors.js';
import { type MappingKind, type SharedBytes, shareBytes } from '../posix/shared-bytes.js';
import { type Budget, budgetOf, LEAST_BYTES } from './budget.js';
import { Claims } from './claims.js';
import { listenAt } from './command-socket.js';
import { freeBytes, makeDirectory, makeFile, memoryRoot, sweepDirectories } from './directory.js';
import { FileRoot } from './file-root.js';
import { ObjectStore } from './object-store.js';
import { Peer } from './peer.js';
import type { StoreFigures } from './shared-cache.js';

export interface CacheServerOptions {
  /** Where workers connect. */
  readonly socketPath: string;
  /** Of keys, heads and bodies together; 0: no objects are kept. */
  readonly maxBytes: number;
  /** Directory whose files are served as well; undefined: none. */
  readonly root: string | undefined;
  readonly mapping?: MappingKind | 'auto';
  /** Where memory is files; by default the system's place for that. */
  readonly memoryRoot?: string;
  /** One line for the log. */
  readonly report: (text: string) => void;
}

const MB = 1024 * 1024;

/** Undefined is what could not be had. */
interface Memory {
  readonly directory: string | undefined;
  readonly arena: { readonly bytes: SharedBytes; readonly fd: number } | undefined;
  readonly store: ObjectStore | undefined;
}

export class CacheServer {
  readonly #server: Server;
  readonly #peers = new Set<Peer>();
  readonly #memory: Memory;

  private constructor(server: Server, memory: Memory) {
    this.#server = server;
    this.#memory = memory;
  }

  /** @throws HandoverError when it cannot listen, the system's error when there is no such root; nothing is left then */
  static async start(options: CacheServerOptions): Promise<CacheServer> {
    const { socketPath, root, mapping = 'auto' } = options;
    const files = root === undefined ? undefined : new FileRoot(root);
    const server = createServer();
    // First of all: of two that are started at once, one ends here.
    await listenAt(server, socketPath);
    const memory = takeMemory(options);
    const cache = new CacheServer(server, memory);
    const claims = new Claims();
    const { directory, store, arena } = memory;
    const arenaBytes = arena?.bytes.lengthBytes ?? 0;
    server.on('connection', (socket) => {
      const peer: Peer = new Peer(socket, {
        store,
        claims,
        files,
        directory,
        arenaBytes,
        mapping,
        announce: (key, isPrefix) => {
          for (const each of cache.#peers) each.removed(key, isPrefix);
        },
        onGone: () => cache.#peers.delete(peer),
      });
      cache.#peers.add(peer);
    });
    return cache;
  }

  /** Undefined when no objects are kept. */
  get figures(): StoreFigures | undefined {
    return this.#memory.store?.figures;
  }

  /** Ends all connections and removes everything. */
  close(): void {
    // Closing takes the socket's file away.
    this.#server.close();
    for (const peer of [...this.#peers]) peer.close();
    const { directory, arena, store } = this.#memory;
    store?.close();
    arena?.bytes.close();
    if (arena !== undefined) closeSync(arena.fd);
    if (directory !== undefined) rmSync(directory, { recursive: true, force: true });
  }
}

function takeMemory(options: CacheServerOptions): Memory {
  const { maxBytes, mapping = 'auto', memoryRoot: root = memoryRoot(), report } = options;
  let directory: string | undefined;
  try {
    sweepDirectories(root);
    directory = makeDirectory(root);
    const { arenaBytes, largeBytes } = takeBudget(maxBytes, directory, root, report);
    if (arenaBytes === 0) return { directory, arena: undefined, store: undefined };
    const fd = makeFile(join(directory, 'arena'), arenaBytes);
    const bytes = shareBytes(fd, arenaBytes, mapping);
    const store = new ObjectStore({ arena: bytes, directory, maxLargeBytes: largeBytes, report });
    return { directory, arena: { bytes, fd }, store };
  } catch (error) {
    report(`no shared cache: ${messageOf(error)}`);
    return { directory, arena: undefined, store: undefined };
  }
}

/** What may be taken; says in one line when it is less than was wanted. */
function takeBudget(
  maxBytes: number,
  directory: string,
  root: string,
  report: (text: string) => void,
): Budget {
  const free = freeBytes(directory);
  const budget = budgetOf(maxBytes, free);
  const bytes = budget.arenaBytes + budget.largeBytes;
  const inMb = (amount: number): string => `${Math.floor(amount / MB)} MB`;
  const why = `${root} has only ${inMb(free)} free (for Docker: --shm-size)`;
  if (maxBytes > 0 && maxBytes < LEAST_BYTES) {
    report(
      `no shared cache: ${inMb(maxBytes)} are too few, it needs at least ${inMb(LEAST_BYTES)} (SHARED_CACHE_MB)`,
    );
  } else if (bytes === 0 && maxBytes > 0) report(`no shared cache: ${why}`);
  else if (bytes < maxBytes - MB)
    report(`the shared cache has ${inMb(bytes)} instead of ${inMb(maxBytes)}: ${why}`);
  return budget;
}
