/** Child processes of a test: started until they say they are ready, and ended when it is over. */
import { type ChildProcess, type ForkOptions, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

export class Processes {
  readonly #children: ChildProcess[] = [];

  /** Forks a helper of this directory, and waits for its first message. */
  async start(helper: string, args: readonly string[], options: ForkOptions = {}): Promise<ChildProcess> {
    const child = fork(fileURLToPath(new URL(helper, import.meta.url)), [...args], options);
    this.#children.push(child);
    await once(child, 'message');
    return child;
  }

  /** Ends what still runs: every helper exits, and ends its own children, when it loses its channel. */
  async end(): Promise<void> {
    const running = this.#children.filter((child) => child.exitCode === null && child.signalCode === null);
    await Promise.all(
      running.map(async (child) => {
        const exited = once(child, 'exit');
        child.disconnect();
        await exited;
      }),
    );
  }
}
