/** All servers of a benchmark: those that are here are started and kept running, the others are explained. */
import { messageOf } from '../../src/errors.js';
import { ROOT } from '../paths.js';
import type { ServerFacts, SkippedServer } from '../results.js';
import type { Site } from '../site.js';
import type { Contender } from './contender.js';
import { checkFile } from './probe.js';
import { RunningServer, type ServerTask } from './running-server.js';

export class Fleet {
  readonly #running = new Map<string, RunningServer>();
  /** Why those that took part once do so no more. */
  readonly #failures = new Map<string, string>();
  readonly #facts: ServerFacts[] = [];
  readonly #skipped: SkippedServer[] = [];

  /** Those that take part, running or failed, in the order they were named. */
  get facts(): readonly ServerFacts[] {
    return this.#facts;
  }

  /** Those that are not installed. */
  get skipped(): readonly SkippedServer[] {
    return this.#skipped;
  }

  /**
   * Starts one after the other, and asks each for every file of the site. `onTrouble` learns why one is not there:
   * a server that fails here is in the tables as failed, one that is not installed is left out.
   */
  async start(
    contenders: readonly Contender[],
    site: Site,
    task: Omit<ServerTask, 'site'>,
    signal: AbortSignal,
    onTrouble: (name: string, reason: string) => void,
  ): Promise<void> {
    for (const contender of contenders) {
      const { name, title, about } = contender;
      const found = contender.find();
      if (!found.present) {
        this.#skipped.push({ name, reason: `not installed (${found.remedy})` });
        onTrouble(name, this.#skipped.at(-1)!.reason);
        continue;
      }
      let command: readonly string[] = [];
      try {
        const server = await RunningServer.start(contender, { ...task, site: site.directory }, signal);
        this.#running.set(name, server);
        command = server.command.map((part) => shortened(part, task.workDirectory));
        for (const [path, content] of site.files) await checkFile(server.port, path, content);
      } catch (error) {
        signal.throwIfAborted();
        await this.#fail(name, messageOf(error));
        onTrouble(name, messageOf(error));
      }
      this.#facts.push({ name, title, about, version: found.version, command });
    }
  }

  /** The server, or why there is none: it never was ready, or has ended since. */
  get(name: string): RunningServer | string {
    const failed = this.#failures.get(name);
    if (failed !== undefined) return failed;
    const server = this.#running.get(name);
    return server === undefined ? 'was not started' : (server.failure() ?? server);
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#running.values()].map((server) => server.stop()));
    this.#running.clear();
  }

  async #fail(name: string, reason: string): Promise<void> {
    this.#failures.set(name, reason);
    await this.#running.get(name)?.stop();
    this.#running.delete(name);
  }
}

/** Without the paths of this machine, which mean nothing elsewhere. */
function shortened(argument: string, workDirectory: string): string {
  return argument.replaceAll(workDirectory, 'WORK').replaceAll(ROOT, '').replace(process.execPath, 'node');
}
