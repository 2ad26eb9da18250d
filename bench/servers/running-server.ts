/** A server that was started and answers, until it fails or is stopped. */
import { mkdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Contender, Launch } from './contender.js';
import { answers, freePort } from './probe.js';
import { ServerProcess } from './server-process.js';

const START_MS = 15_000;
const POLL_MS = 25;

export interface ServerTask {
  /** The directory to serve. */
  readonly site: string;
  /** A directory for all servers; each makes its own in it. */
  readonly workDirectory: string;
  readonly workers: number;
  readonly accessLog: boolean;
}

export class RunningServer {
  readonly name: string;
  readonly command: readonly string[];
  readonly port: number;
  readonly #process: ServerProcess;

  private constructor(name: string, { command, args }: Launch, process: ServerProcess, port: number) {
    this.name = name;
    this.command = [command, ...args];
    this.#process = process;
    this.port = port;
  }

  /** Resolves when the server answers. Rejects with its last words when it ends, or does not answer in time. */
  static async start(contender: Contender, task: ServerTask, signal: AbortSignal): Promise<RunningServer> {
    const workDirectory = `${task.workDirectory}/${contender.name}`;
    mkdirSync(workDirectory, { recursive: true });
    const wantedPort = await freePort();
    const launch = contender.launch({ ...task, workDirectory, port: wantedPort });
    const process = new ServerProcess(launch, workDirectory);
    const late = AbortSignal.timeout(START_MS);
    const either = AbortSignal.any([signal, late]);
    try {
      const port = launch.reportsPort === true ? await process.reportedPort(either) : wantedPort;
      while (!(await answers(port))) {
        const failure = process.failure();
        if (failure !== undefined) throw new Error(failure);
        await sleep(POLL_MS, undefined, { signal: either });
      }
      return new RunningServer(contender.name, launch, process, port);
    } catch (error) {
      await process.end();
      if (signal.aborted || !late.aborted) throw error;
      throw new Error(process.withLastWords(`did not answer within ${START_MS / 1000} s`));
    }
  }

  /** Its first process, from which all others come. */
  get pid(): number {
    return this.#process.pid;
  }

  /** Why it cannot be measured any more; undefined while it runs. */
  failure(): string | undefined {
    return this.#process.failure();
  }

  /** Resolves when all its processes have ended. */
  async stop(): Promise<void> {
    await this.#process.end();
  }
}
