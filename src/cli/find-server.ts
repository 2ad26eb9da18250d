/** Finds the running server that `stop`, `reload`, `status` and others are about. */
import { type LoadedSettings, loadSettings } from '../config/load.js';
import { formatMistake } from '../config/mistake.js';
import type { Settings } from '../config/settings.js';
import { socketPathOf } from '../config/socket-path.js';
import { EXIT, HandoverError } from '../errors.js';
import {
  type LiveServer,
  liveServer,
  liveServerOn,
  liveServers,
  serverName,
  shownName,
} from '../master/pid-file.js';
import type { CommandLine } from './command-line.js';
import { exitCodeOf } from './report.js';
import { settingsRequest } from './request.js';
import type { Terminal } from './terminal.js';

export interface Target {
  readonly server: LiveServer;
  /** How long the server may take to end, as far as the configuration at hand says. */
  readonly drainTimeoutSeconds: number;
  /** What clients of its jobs must show, as far as the configuration at hand says; `''`: nothing. */
  readonly jobsToken: string;
  /** The same of clients that write. */
  readonly writeToken: string;
}

/**
 * The server that the arguments name: by --pid-file, --host unix:PATH, --port or --config; without these, the one of
 * ./server.conf if it runs, else the only one there is.
 *
 * @throws HandoverError when none runs, when there are several to choose from, or when an argument is wrong
 */
export function findServer(line: CommandLine, terminal: Terminal): Target {
  const loaded = loadSettings(settingsRequest(line, terminal));
  const { drainTimeoutSeconds, jobsToken, writeToken } = loaded.settings;
  return { server: search(line, loaded), drainTimeoutSeconds, jobsToken, writeToken };
}

function search(line: CommandLine, loaded: LoadedSettings): LiveServer {
  const { settings, origins } = loaded;
  const { pidFile, host, port } = settings;
  if (origins.pidFile.kind === 'command line')
    return liveServer(pidFile) ?? notRunning(`by the pid file ${pidFile}`);
  if (origins.host.kind === 'command line') {
    if (socketPathOf(host) === undefined) {
      const message = `--host ${host} names no server; only a socket does: --host unix:PATH, and else --port`;
      throw new HandoverError('WHICH', message, EXIT.usage);
    }
    return liveServerOn(serverName(host, port)) ?? notRunning(`on ${host}`);
  }
  if (origins.port.kind === 'command line') return liveServerOn(port) ?? notRunning(`on port ${port}`);
  const configured = isTelling(line, loaded) ? serverOf(settings) : undefined;
  if (configured !== undefined) return configured;
  if (line.config !== undefined) return notRunning(`as ${line.config} says`);
  const [only, ...others] = liveServers();
  if (only === undefined) return notRunning('');
  if (others.length === 0) return only;
  const names = [only, ...others].map((server) => `${shownName(server.pidFile)} (pid ${server.pid})`);
  const haveSockets = names.some((name) => name.startsWith('unix:'));
  const [where, how] = haveSockets ? ['on', '--port or --host unix:PATH'] : ['on ports', '--port'];
  throw new HandoverError(
    'WHICH',
    `several servers run, ${where} ${names.join(', ')}: choose with ${how}`,
    EXIT.notRunning,
  );
}

function serverOf({ pidFile, host, port }: Settings): LiveServer | undefined {
  return pidFile === '' ? liveServerOn(serverName(host, port)) : liveServer(pidFile);
}

/**
 * True when the configuration says which server is meant. One with mistakes does not: a key that was not
 * understood may be the very one, and a signal to the wrong server is worse than none. Paths that are
 * missing do not matter here. Without any configuration the default port is nobody's choice.
 */
function isTelling(line: CommandLine, { settings, mistakes, configFile }: LoadedSettings): boolean {
  for (const mistake of mistakes) {
    const isMissingPath = mistake.unreadable === true && mistake.key !== '';
    if (isMissingPath) continue;
    const exitCode = exitCodeOf([mistake]);
    if (line.config === undefined && exitCode !== EXIT.usage) return false;
    throw new HandoverError('CONFIG', formatMistake(mistake), exitCode);
  }
  return configFile !== undefined || settings.pidFile !== '';
}

function notRunning(where: string): never {
  throw new HandoverError('NOT_RUNNING', `no handover is running ${where}`.trimEnd(), EXIT.notRunning);
}
