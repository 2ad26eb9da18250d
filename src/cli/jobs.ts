/** `handover jobs`: shows the jobs of a server, or one; seals one, removes it, or fetches its result. */
import type { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { COMMAND_LINE } from '../config/mistake.js';
import { EXIT, type ExitCode, HandoverError } from '../errors.js';
import { askForJson, problemOf, Refusal, type ServerAddress } from '../jobs/client/server.js';
import { isOver, readJob, readJobs } from '../jobs/client/shown.js';
import type { PublicStatus } from '../jobs/replies.js';
import type { CommandLine } from './command-line.js';
import { fetchResult, resultOptions } from './job-result.js';
import { jobsServer } from './jobs-server.js';
import { jobsTable, jobText } from './jobs-table.js';
import { reportMistakes } from './report.js';
import type { Terminal } from './terminal.js';

/** How often what is watched is looked at. */
const WATCH_MS = 1000;
const VERBS = ['seal', 'rm', 'result'] as const;

/** What the command needs of its process. */
export interface JobsServices {
  /** Takes the bytes of a result. */
  readonly output: Writable;
  /** Waits between looks. */
  readonly pause?: (ms: number) => Promise<unknown>;
}

/** Exits with 0 when it was done, with EXIT.notObeyed when the server refuses. */
export async function jobs(
  line: CommandLine,
  terminal: Terminal,
  { output, pause = sleep }: JobsServices = { output: process.stdout },
): Promise<ExitCode> {
  const [first, job = first, ...surplus] = line.operands;
  const verb = VERBS.find((each) => each === first);
  const mistake = mistakeIn(line.operands, verb, surplus);
  if (mistake !== undefined) {
    return reportMistakes([{ source: COMMAND_LINE, key: first ?? 'jobs', ...mistake }], terminal);
  }
  const server = jobsServer(line, terminal);
  try {
    if (verb === 'result') {
      const options = resultOptions(line, terminal.cwd);
      if ('mistakes' in options) return reportMistakes(options.mistakes, terminal);
      return await fetchResult(server, job!, options, output, terminal);
    }
    if (verb === 'seal') {
      await askForJson(server, { method: 'POST', path: `/${encodeURIComponent(job!)}/seal` });
      terminal.out(`${job}: sealed\n`);
      return EXIT.ok;
    }
    if (verb === 'rm') {
      await askForJson(server, { method: 'DELETE', path: `/${encodeURIComponent(job!)}` });
      terminal.out(`${job}: removed\n`);
      return EXIT.ok;
    }
    return await show(server, job, line, terminal, pause);
  } catch (error) {
    if (error instanceof HandoverError) throw error;
    terminal.err(`handover jobs: ${problemOf(error)}\n`);
    const hasNoResult = error instanceof Refusal ? error.code.startsWith('job-') : verb === 'result';
    return hasNoResult ? EXIT.notTransferred : EXIT.notObeyed;
  }
}

function mistakeIn(
  operands: readonly string[],
  verb: string | undefined,
  surplus: readonly string[],
): { readonly message: string; readonly hint: string } | undefined {
  if (verb !== undefined && operands.length === 1) {
    return { message: 'of which job?', hint: `write handover jobs ${verb} JOB` };
  }
  if (surplus.length === 0 && (verb !== undefined || operands.length < 2)) return undefined;
  return {
    message: 'these words are not understood',
    hint: `there are ${VERBS.join(', ')}, and the name of a job`,
  };
}

async function show(
  server: ServerAddress,
  job: string | undefined,
  { switches }: CommandLine,
  terminal: Terminal,
  pause: (ms: number) => Promise<unknown>,
): Promise<ExitCode> {
  const screen = new Screen(terminal);
  for (;;) {
    const path = job === undefined ? '' : `/${encodeURIComponent(job)}`;
    const answer = await askForJson(server, { method: 'GET', path });
    const found = job === undefined ? readJobs(answer) : readJob(answer);
    screen.show(switches.has('json') ? `${JSON.stringify(answer, undefined, 2)}\n` : textOf(found));
    const isLast = 'state' in found && isOver(found);
    if (isLast || !switches.has('watch')) {
      return switches.has('watch') && 'state' in found && found.state === 'failed'
        ? EXIT.notTransferred
        : EXIT.ok;
    }
    await pause(WATCH_MS);
  }
}

function textOf(found: PublicStatus | readonly PublicStatus[]): string {
  return 'state' in found ? jobText(found, Date.now()) : jobsTable(found, Date.now());
}

/** Shows one text after the other: on a terminal in the same place, elsewhere when it is another. */
class Screen {
  readonly #terminal: Terminal;
  #shown = '';

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  show(text: string): void {
    if (text === this.#shown) return;
    const lines = this.#shown.split('\n').length - 1;
    // Up to where the last text began, and from there on empty.
    const back = this.#terminal.colour && lines > 0 ? `\u001b[${lines}A\u001b[J` : '';
    this.#terminal.out(back + text);
    this.#shown = text;
  }
}
