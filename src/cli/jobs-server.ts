/** Which server `send` and `jobs` are about, and what it wants to be shown. */
import { variableOf } from '../config/setting.js';
import { hostOfSocket, socketPathOf } from '../config/socket-path.js';
import { rowOf } from '../config/table.js';
import { EXIT, HandoverError } from '../errors.js';
import type { ServerAddress } from '../jobs/client/server.js';
import type { CommandLine } from './command-line.js';
import { findServer, type Target } from './find-server.js';
import { plainListener } from './plain-listener.js';
import { readStats } from './read-stats.js';
import type { Terminal } from './terminal.js';

/**
 * The server that `--url` names, else the one of this machine, with the token of `--token`, else of
 * HANDOVER_JOBS_TOKEN; of this machine, also that of its configuration.
 *
 * @throws HandoverError when there is none, or `--url` is none
 */
export function jobsServer(line: CommandLine, terminal: Terminal): ServerAddress {
  const given = line.values.get('token') ?? terminal.env[variableOf(rowOf('jobsToken').key)];
  return serverFor(line, terminal, given, ({ jobsToken }) => jobsToken);
}

/**
 * The server that `--url` names, else the one of this machine.
 *
 * @param given what it is shown; undefined: of this machine, what its configuration says
 * @throws HandoverError when there is none, or `--url` is none
 */
export function serverFor(
  line: CommandLine,
  terminal: Terminal,
  given: string | undefined,
  configured: (target: Target) => string,
): ServerAddress {
  const written = line.values.get('url');
  if (written !== undefined) return { ...parseUrl(written), token: given || undefined };
  const target = findServer({ ...line, operand: undefined }, terminal);
  const { server } = target;
  const document = readStats(server.statsFile);
  if ('problem' in document) throw new HandoverError('STATS', document.problem, EXIT.cannotRead);
  const listener = plainListener(document.addresses);
  const where =
    'socketPath' in listener
      ? { url: new URL('http://localhost/'), socketPath: listener.socketPath }
      : { url: new URL(`http://${bracketed(listener.host)}:${listener.port}/`) };
  return { ...where, token: (given ?? configured(target)) || undefined };
}

function parseUrl(text: string): ServerAddress {
  const socketPath = socketPathOf(text);
  if (socketPath) return { url: new URL('http://localhost/'), socketPath };
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && /^https?:$/.test(url.protocol) && url.search === '' && url.hash === '')
    return { url };
  const right = `http://HOST:PORT, https://HOST or ${hostOfSocket('PATH')}`;
  throw new HandoverError('URL', `--url=${text}: must be ${right}`, EXIT.usage);
}

function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}
