/** The load generators as the benchmark sees them: child processes, so that their CPU time is their own. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { shares } from '../plan.js';
import type { GeneratorMessage, LoadJob, LoadOutcome } from './job.js';

/** A server that answers nothing for this long is given up. */
const STALLED_MS = 30_000;

export class Generators {
  readonly #count: number;
  readonly #signal: AbortSignal;
  #children: readonly ChildProcess[] = [];

  /** `signal` ends a run early, and with it the processes. */
  constructor(count: number, signal: AbortSignal) {
    this.#count = count;
    this.#signal = signal;
  }

  /**
   * Shares a load among the generators and waits for all. They are started when they are needed first, and kept:
   * what they have compiled by then serves every server alike. Rejects when a generator fails, when nothing is
   * answered for half a minute, or when the signal is given; the next run then has new processes.
   */
  async run(job: LoadJob, onProgress: (responses: number) => void): Promise<readonly LoadOutcome[]> {
    const count = Math.min(this.#count, job.connections);
    const connections = shares(job.connections, count);
    const requests = shares(job.requests, count);
    const responses = new Array<number>(count).fill(0);
    const watchdog = new AbortController();
    const stalled = (): void => watchdog.abort(new Error(`no response for ${STALLED_MS / 1000} s`));
    let timer = setTimeout(stalled, STALLED_MS);
    const signal = AbortSignal.any([this.#signal, watchdog.signal]);
    try {
      const children = await this.#started();
      return await Promise.all(
        connections.map((share, at) => {
          const part = { ...job, connections: share, requests: requests[at]! };
          return runPart(children[at]!, part, signal, (done) => {
            clearTimeout(timer);
            timer = setTimeout(stalled, STALLED_MS);
            responses[at] = done;
            onProgress(responses.reduce((sum, value) => sum + value, 0));
          });
        }),
      );
    } catch (error) {
      this.stop();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Ends the processes at once. */
  stop(): void {
    for (const child of this.#children) child.kill('SIGKILL');
    this.#children = [];
  }

  async #started(): Promise<readonly ChildProcess[]> {
    if (this.#children.length === 0) {
      const program = fileURLToPath(new URL('child.js', import.meta.url));
      this.#children = Array.from({ length: this.#count }, () =>
        fork(program, { serialization: 'advanced' }),
      );
      await Promise.all(this.#children.map((child) => once(child, 'message', { signal: this.#signal })));
    }
    return this.#children;
  }
}

function runPart(
  child: ChildProcess,
  job: LoadJob,
  signal: AbortSignal,
  onProgress: (responses: number) => void,
): Promise<LoadOutcome> {
  const { promise, resolve, reject } = promiseWithResolvers<LoadOutcome>();
  const onAbort = (): void => reject(signal.reason);
  const onExit = (): void => reject(new Error('the load generator ended unexpectedly'));
  const onMessage = (message: GeneratorMessage): void => {
    if (message.type === 'progress') onProgress(message.responses);
    else if (message.type === 'done') resolve(message.outcome);
    else if (message.type === 'failed') reject(new Error(`the load generator failed: ${message.reason}`));
  };
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort);
  child.on('message', onMessage).on('exit', onExit);
  child.send(job);
  return promise.finally(() => {
    signal.removeEventListener('abort', onAbort);
    child.off('message', onMessage).off('exit', onExit);
  });
}

/** Promise.withResolvers, which Node 20 does not have. */
function promiseWithResolvers<T>() {
  let resolve!: (value: T) => void;
  let reject!: (reason: unknown) => void;
  const promise = new Promise<T>((fulfil, refuse) => {
    resolve = fulfil;
    reject = refuse;
  });
  return { promise, resolve, reject };
}
