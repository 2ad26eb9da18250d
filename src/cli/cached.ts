/** `handover cached`: a cache process without a server, for servers with SHARED_CACHE_SOCKET, and for plain files. */
import { resolve } from 'node:path';
import { loadSettings } from '../config/load.js';
import { EXIT, type ExitCode, HandoverError, messageOf, systemCode } from '../errors.js';
import { defaultCacheSocket } from '../master/runtime-dir.js';
import { CacheServer } from '../shared-cache/cache-server.js';
import type { CommandLine } from './command-line.js';
import { reportMistakes } from './report.js';
import { settingsRequest } from './request.js';
import type { Terminal } from './terminal.js';

const MB = 1024 * 1024;

/** Resolves when a signal has ended it, and nothing of it is left. */
export async function cached(line: CommandLine, terminal: Terminal): Promise<ExitCode> {
  const loaded = loadSettings({ ...settingsRequest(line, terminal), directory: undefined });
  if (loaded.mistakes.length > 0) return reportMistakes(loaded.mistakes, terminal);
  const { sharedCacheMb, sharedCacheSocket } = loaded.settings;
  const socketPath = sharedCacheSocket || defaultCacheSocket();
  const wanted = line.values.get('root');
  const root = wanted === undefined ? undefined : resolve(terminal.cwd, wanted);
  const server = await start(socketPath, sharedCacheMb * MB, root, terminal);
  const files = root === undefined ? '' : `, files of ${root}`;
  terminal.out(`cache process (pid ${process.pid}) at ${socketPath}: ${sharedCacheMb} MB${files}\n`);
  await new Promise<void>((end) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGQUIT'] as const) process.once(signal, () => end());
  });
  server.close();
  return EXIT.ok;
}

async function start(
  socketPath: string,
  maxBytes: number,
  root: string | undefined,
  terminal: Terminal,
): Promise<CacheServer> {
  try {
    return await CacheServer.start({
      socketPath,
      maxBytes,
      root,
      report: (text) => terminal.err(`handover: ${text}\n`),
    });
  } catch (error) {
    if (error instanceof HandoverError || systemCode(error) === '') throw error;
    throw new HandoverError('CACHED', `cached --root ${root}: ${messageOf(error)}`, EXIT.cannotRead, error);
  }
}
