/** `handover stop` and `handover reload`: signals to the master, and waiting for what comes of them. */
import { setTimeout as sleep } from 'node:timers/promises';
import { EXIT, type ExitCode, HandoverError, messageOf, systemCode } from '../errors.js';
import { isLive, type LiveServer } from '../master/pid-file.js';
import type { CommandLine } from './command-line.js';
import { findServer } from './find-server.js';
import type { Terminal } from './terminal.js';

/** What a server may take on top of its own deadline to end its workers and itself. */
const GRACE_SECONDS = 5;
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

/** Sends SIGHUP. What came of it is for the server to say: it has the terminal or the log. */
export function reload(line: CommandLine, terminal: Terminal): ExitCode {
  const { server } = findServer(line, terminal);
  if (process.platform === 'win32') {
    throw new HandoverError('NO_SIGNALS', 'reload needs SIGHUP, which Windows does not have', EXIT.notObeyed);
  }
  signal(server, 'SIGHUP');
  terminal.out(`handover (pid ${server.pid}) was told to reload; its output says what changed\n`);
  return EXIT.ok;
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
