/** `handover purge URL`: makes a running server forget what its proxy has stored of a URL. */
import { once } from 'node:events';
import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import { EXIT, type ExitCode, HandoverError, messageOf } from '../errors.js';
import type { CommandLine } from './command-line.js';
import { findServer } from './find-server.js';
import { plainListener } from './plain-listener.js';
import { readStats } from './read-stats.js';
import type { Terminal } from './terminal.js';

/** How long the server may take. */
const TIMEOUT_MS = 5000;

/** Sends `PURGE` over a plain listener of the server, with the URL's host. */
export async function purge(line: CommandLine, terminal: Terminal): Promise<ExitCode> {
  const { operand = '' } = line;
  const url = URL.canParse(operand) ? new URL(operand) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    terminal.err(
      `handover: purge ${operand}: needs a URL; write handover purge http://localhost:3000/path\n`,
    );
    return EXIT.usage;
  }
  const { server } = findServer({ ...line, operand: undefined }, terminal);
  const document = readStats(server.statsFile);
  if ('problem' in document) throw new HandoverError('STATS', document.problem, EXIT.cannotRead);
  const { status, text } = await ask(document.addresses, url);
  if (status === 200 || status === 404) {
    terminal.out(`${url.href}: ${text}`);
    return EXIT.ok;
  }
  terminal.err(`handover: the server (pid ${server.pid}) does not purge ${url.href}: it answers ${status}\n`);
  return EXIT.notObeyed;
}

async function ask(listeners: readonly string[], url: URL): Promise<{ status: number; text: string }> {
  const response = await answerOf(send(listeners, url));
  let text = '';
  for await (const piece of response.setEncoding('utf8')) text += piece;
  return { status: response.statusCode ?? 0, text };
}

async function answerOf(sent: ClientRequest): Promise<IncomingMessage> {
  try {
    const [response] = await once(sent.end(), 'response');
    return response;
  } catch (error) {
    throw new HandoverError('PURGE', `the server does not answer: ${messageOf(error)}`, EXIT.notObeyed);
  }
}

function send(listeners: readonly string[], { host, pathname, search }: URL): ClientRequest {
  return request({
    ...plainListener(listeners),
    method: 'PURGE',
    path: pathname + search,
    headers: { Host: host },
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
}
