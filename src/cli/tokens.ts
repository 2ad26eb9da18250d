/** `handover tokens`: who holds which file, and who waits for it. */
import { EXIT, type ExitCode, HandoverError } from '../errors.js';
import type { TokenPage } from '../files/writing/token-page.js';
import { problemOf } from '../jobs/client/server.js';
import type { CommandLine } from './command-line.js';
import { table } from './layout.js';
import { duration } from './status-text.js';
import type { Terminal } from './terminal.js';
import { askOfTokens, tokenServer } from './token-server.js';

/** As many as the server tells of at once. */
const LIMIT = 10_000;

/** Exits with 0, with EXIT.notObeyed when the server refuses. */
export async function tokens(line: CommandLine, terminal: Terminal): Promise<ExitCode> {
  const server = tokenServer(line, terminal);
  const prefix = encodeURIComponent(line.values.get('prefix') ?? '');
  try {
    const path = `/tokens?limit=${LIMIT}&prefix=${prefix}`;
    const listing = (await askOfTokens(server, { method: 'GET', path })) as TokenPage;
    const isJson = line.switches.has('json');
    terminal.out(isJson ? `${JSON.stringify(listing, undefined, 2)}\n` : tokensText(listing));
    return EXIT.ok;
  } catch (error) {
    if (error instanceof HandoverError) throw error;
    terminal.err(`handover tokens: ${problemOf(error)}\n`);
    return EXIT.notObeyed;
  }
}

/** What the command prints. */
export function tokensText({ counters, files, matching }: TokenPage): string {
  const { read, write, waiting, grants, revokes, downgrades, expiredSessions } = counters;
  const facts: [string, string][] = [
    ['held', `${read} to read, ${write} to write; ${waiting} waited for`],
    ['granted', `${grants}, ${revokes} revoked, ${downgrades} downgraded`],
    ['lost', `${expiredSessions} sessions that ended without giving up what they held`],
  ];
  const summary = table(facts, new Set());
  if (files.length === 0) return `${summary}\n  Nobody holds a token.\n`;
  const head = ['file', 'who', 'mode', 'fence', 'for'];
  const rows = files.flatMap(({ file, holders, queue }) => [
    ...holders.map(({ who, mode, fence, heldMs }) => [
      file,
      who,
      mode,
      String(fence),
      duration(heldMs / 1000),
    ]),
    ...queue.map(({ who, mode, waitedMs }) => [
      file,
      who,
      `waits to ${mode}`,
      '-',
      duration(waitedMs / 1000),
    ]),
  ]);
  const others = matching - files.length;
  const more = others === 0 ? '' : `\n  ${others} more files: name some of them with --prefix\n`;
  return `${summary}\n${table([head, ...rows], new Set([3, 4]))}${more}`;
}
