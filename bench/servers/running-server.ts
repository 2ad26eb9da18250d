/** A started server: its processes from start to end, its port, and why it failed if it did. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { get } from 'node:http';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../../src/errors.js';
import type { Contender, Launch } from './contender.js';

const START_MS = 15_000;
const STOP_MS = 5_000;
const POLL_MS = 25;

export interface ServerTask {
  readonly site: string;
  /** An empty directory for all servers; each makes its own in it. */
  readonly workDirectory: string;
  readonly workers: number;
  readonly accessLog: boolean;
}

/** Each server leads a process group, so that none of its processes can outlive the benchmark. */
const groups = new Set<number>();
process.on('exit', () => {
  for (const group of groups) killGroup(group);
});

export class RunningServer {
  readonly name: string;
  readonly command: readonly string[];
  readonly pid: number;
  readonly port: number;
  readonly #child: ChildProcess;
  readonly #output: string;

  private constructor(name: string, launch: Launch, started: Started, port: number) {
    this.name = name;
    this.command = [launch.command, ...launch.args];
    this.#child = started.child;
    this.#output = started.output;
    this.pid = started.pid;
    this.port = port;
  }

  /** Resolves when the server answers. Rejects with its last words when it ends or does not answer in time. */
  static async start(contender: Contender, task: ServerTask, signal: AbortSignal): Promise<RunningServer> {
    const { name } = contender;
    const workDirectory = `${task.workDirectory}/${name}`;
    mkdirSync(workDirectory);
    const port = await freePort();
    const launch = contender.launch({ ...task, workDirectory, port });
    const started = spawnServer(launch, workDirectory);
    const { child, output, pid } = started;
    const deadline = AbortSignal.any([signal, AbortSignal.timeout(START_MS)]);
    try {
      const server = new RunningServer(
        name,
        launch,
        started,
        launch.reportsPort === true ? await reportedPort(child, deadline) : port,
      );
      while (!(await answers(server.port))) {
        const failure = server.failure();
        if (failure !== undefined) throw new Error(failure);
        await sleep(POLL_MS, undefined, { signal: deadline });
      }
      return server;
    } catch (error) {
      await endGroup(child, pid);
      if (signal.aborted || !deadline.aborted) throw error;
      throw new Error(withLastWords(`did not answer within ${START_MS / 1000} s`, output));
    }
  }

  /** Why it cannot be measured any more; undefined while it runs. */
  failure(): string | undefined {
    const { exitCode, signalCode } = this.#child;
    if (exitCode === null && signalCode === null) return undefined;
    return withLastWords(`ended with ${signalCode ?? `exit code ${exitCode}`}`, this.#output);
  }

  /** Resolves when all its processes have ended. */
  async stop(): Promise<void> {
    await endGroup(this.#child, this.pid);
  }
}

interface Started {
  readonly child: ChildProcess;
  readonly pid: number;
  /** The file with what it prints. */
  readonly output: string;
}

function spawnServer({ command, args, env }: Launch, workDirectory: string): Started {
  const output = `${workDirectory}/output.txt`;
  const file = openSync(output, 'w');
  const child = spawn(command, args, {
    cwd: workDirectory,
    env: { ...withoutSettings(process.env), ...env },
    stdio: ['ignore', file, file, 'ipc'],
    detached: true,
  });
  closeSync(file);
  const { pid } = child;
  if (pid === undefined) throw new Error(`${command} cannot be started`);
  groups.add(pid);
  return { child, pid, output };
}

/** What the user has set for a server of his own is not for those measured here. */
function withoutSettings(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const foreign = /^(HANDOVER_|PORT$|HOST$|NODE_OPTIONS$|NODE_ENV$)/;
  return Object.fromEntries(Object.entries(env).filter(([name]) => !foreign.test(name)));
}

async function reportedPort(child: ChildProcess, signal: AbortSignal): Promise<number> {
  const ended = once(child, 'exit', { signal }).then(() => {
    throw new Error('ended before it was ready');
  });
  const [message] = await Promise.race([once(child, 'message', { signal }), ended]);
  return Number(message.port);
}

async function endGroup(child: ChildProcess, group: number): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    await Promise.race([ended, sleep(STOP_MS, undefined, { ref: false })]);
  }
  killGroup(group);
  groups.delete(group);
}

function killGroup(group: number): void {
  try {
    process.kill(-group, 'SIGKILL');
  } catch {
    // Nobody is left in it, which is what is wanted.
  }
}

function withLastWords(what: string, output: string): string {
  const last = readFileSync(output, 'utf8').trim().split('\n').at(-1)?.trim();
  return last ? `${what}: ${last}` : what;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port to be had');
  return address.port;
}

/** True when something speaks HTTP there, whatever it says. */
async function answers(port: number): Promise<boolean> {
  try {
    await fetchFile(port, '/');
    return true;
  } catch {
    // Not yet: the caller looks again until the deadline.
    return false;
  }
}

/** One plain GET, without an Accept-Encoding. Rejects when it is not answered whole. */
export async function fetchFile(port: number, path: string): Promise<{ status: number; body: Buffer }> {
  const request = get({ host: '127.0.0.1', port, path, agent: false, timeout: START_MS });
  request.on('timeout', () => request.destroy(new Error('no answer in time')));
  const [response] = await once(request, 'response');
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk);
  return { status: response.statusCode, body: Buffer.concat(chunks) };
}

/** Rejects, saying why, unless the server sends exactly this. */
export async function checkFile(port: number, path: string, expected: Buffer): Promise<void> {
  const { status, body } = await fetchFile(port, path).catch((error: unknown) => {
    throw new Error(`GET ${path}: ${messageOf(error)}`);
  });
  if (status !== 200) throw new Error(`GET ${path} is answered with ${status}`);
  if (!body.equals(expected)) throw new Error(`GET ${path} is answered with other content than the file's`);
}
