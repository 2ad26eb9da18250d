/** Which server `lock` and `tokens` are about, and what of it they ask. */
import { variableOf } from '../config/setting.js';
import { rowOf } from '../config/table.js';
import { askForJson, type JobsRequest, type ServerAddress } from '../jobs/client/server.js';
import type { CommandLine } from './command-line.js';
import { serverFor } from './jobs-server.js';
import type { Terminal } from './terminal.js';

/** What a server has for tokens. */
const BASE = '/.handover';

/**
 * The server that `--url` names, else the one of this machine, with the token of `--token`, else of
 * HANDOVER_WRITE_TOKEN; of this machine, also that of its configuration.
 *
 * @throws HandoverError as `serverFor`
 */
export function tokenServer(line: CommandLine, terminal: Terminal): ServerAddress {
  const given = line.values.get('token') ?? terminal.env[variableOf(rowOf('writeToken').key)];
  return serverFor(line, terminal, given, ({ writeToken }) => writeToken);
}

/** The answer, read as JSON. Rejects as `askForJson`. */
export function askOfTokens(server: ServerAddress, wanted: Omit<JobsRequest, 'base'>): Promise<unknown> {
  return askForJson(server, { ...wanted, base: BASE });
}
