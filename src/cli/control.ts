/** `handover stop` and `handover reload`: signals to the master, and waiting for what comes of them. */
import { setTimeout as sleep } from 'node:timers/promises';
import { EXIT, type ExitCode, HandoverError, messageOf, systemCode } from '../errors.js';
import { isLive, type LiveServer, liveServer, liveServers } from '../master/pid-file.js';
import type { CommandLine } from './command-line.js';
import { findServer } from './find-server.js';
import { readStats } from './read-stats.js';
import type { Terminal } from './terminal.js';

/** What a server may take on top of its own deadline to end its workers and itself. */
const GRACE_SECONDS = 5;
/** How long a reload may take: the new workers have to start, and one that is under way has to end first. */
const RELOAD_SECONDS = 30;
/** The end of a process that is not our child has no event. */
const POLL_MS = 40;

/** Sends SIGTERM and waits until the server is gone; not longer than its deadline and `graceSeconds`. */
export async function stop(
  line: CommandLine,
  terminal: Terminal,
  graceSeconds: number = GRACE_SECONDS,
): Promise<ExitCode> {
  const { server, drainTimeoutSeconds } = findServer(line, terminal);
  const { pid } = server;
  signal(server, 'SIGTERM');
  terminal.out(`stopping handover (pid ${pid}); responses in flight have ${drainTimeoutSeconds} s\n`);
  const limitSeconds = drainTimeoutSeconds + graceSeconds;
  const deadline = performance.now() + limitSeconds * 1000;
  while (isLive(server)) {
    if (performance.now() > deadline) {
      terminal.err(
        `handover (pid ${pid}) still runs after ${limitSeconds} s; kill -INT ${pid} stops it at once\n`,
      );
      return EXIT.notObeyed;
    }
    await sleep(POLL_MS);
  }
  terminal.out('stopped\n');
  return EXIT.ok;
}

/** Sends SIGHUP and waits for what comes of it; the reasons are for the server to say, in its own output. */
export async function reload(
  line: CommandLine,
  terminal: Terminal,
  limitSeconds: number = RELOAD_SECONDS,
): Promise<ExitCode> {
  const { server } = findServer(line, terminal);
  const { pid } = server;
  if (process.platform === 'win32') {
    throw new HandoverError('NO_SIGNALS', 'reload needs SIGHUP, which Windows does not have', EXIT.notObeyed);
  }
  const before = readStats(server.statsFile);
  signal(server, 'SIGHUP');
  if ('problem' in before) {
    const where = server.statsFile || 'stats.json';
    terminal.err(
      `handover (pid ${pid}) was told to reload; what came of it only its output says: ${where}: ${before.problem}\n`,
    );
    return EXIT.cannotRead;
  }
  const deadline = performance.now() + limitSeconds * 1000;
  for (;;) {
    const place = whereabouts(server);
    const now = readStats((place ?? server).statsFile);
    // Only a reload that has succeeded gives the pid file up; the new one may be anywhere.
    const hasMoved = place === undefined && isLive(server);
    if (hasMoved || ('reloads' in now && now.reloads > before.reloads)) {
      terminal.out(`handover (pid ${pid}) has reloaded; its output says what changed\n`);
      return EXIT.ok;
    }
    if ('reloads' in now && now.reloadsFailed > before.reloadsFailed) {
      terminal.err(`handover (pid ${pid}) goes on with the old settings; its output says why\n`);
      return EXIT.badConfig;
    }
    if (!isLive(server)) {
      throw new HandoverError('NOT_RUNNING', `handover (pid ${pid}) has ended`, EXIT.notRunning);
    }
    if (performance.now() > deadline) {
      terminal.err(`handover (pid ${pid}) has not reloaded within ${limitSeconds} s\n`);
      return EXIT.notObeyed;
    }
    await sleep(POLL_MS);
  }
}

/** The same server: a reload may move its statistics and, with another port, its pid file. */
function whereabouts(server: LiveServer): LiveServer | undefined {
  return [liveServer(server.pidFile), ...liveServers()].find((other) => other?.pid === server.pid);
}

function signal({ pid }: LiveServer, name: 'SIGTERM' | 'SIGHUP'): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    // ESRCH: it ended by itself since we looked.
    if (systemCode(error) === 'ESRCH') {
      throw new HandoverError('NOT_RUNNING', `handover (pid ${pid}) has just ended`, EXIT.notRunning);
    }
    const reason = systemCode(error) === 'EPERM' ? 'it belongs to another user' : messageOf(error);
    throw new HandoverError('SIGNAL', `cannot signal handover (pid ${pid}): ${reason}`, EXIT.notObeyed);
  }
}
