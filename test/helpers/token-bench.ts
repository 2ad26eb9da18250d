/** Sessions of one arbiter, by any way to reach it. */
import { TokenService } from '../../src/master/token-service.js';
import { LocalArbiter, type LocalSession } from '../../src/tokens/local-arbiter.js';
import type { TokensToWorker } from '../../src/tokens/messages.js';
import { TokenManager } from '../../src/tokens/token-manager.js';
import { WorkerTokens } from '../../src/worker/token-link.js';
import { TestDirectory } from './directory.js';

export interface TokenBench {
  /** Another session, as its users see it. */
  open(): TokenManager;
  /** The session of this manager is taken for dead. */
  kill(manager: TokenManager): void;
  close(): Promise<void>;
}

/** Sessions in the process of the arbiter. */
export class LocalBench implements TokenBench {
  readonly #sessions = new Map<TokenManager, LocalSession>();
  readonly #arbiter: LocalArbiter;

  constructor() {
    let fence = 0;
    this.#arbiter = new LocalArbiter({ nextFence: () => ++fence });
  }

  open(): TokenManager {
    const id = `session-${this.#sessions.size}`;
    const session = this.#arbiter.open({ id, who: id });
    const manager = new TokenManager(session);
    this.#sessions.set(manager, session);
    return manager;
  }

  kill(manager: TokenManager): void {
    void this.#sessions.get(manager)!.expel('it was killed');
  }

  async close(): Promise<void> {
    this.#arbiter.close();
  }
}

/** Workers and the master, whose messages cross as JSON and arrive later, in their order. */
export class WorkerBench implements TokenBench {
  readonly #directory = new TestDirectory({});
  readonly #service: TokenService;
  readonly #workers = new Map<TokenManager, { tokens: WorkerTokens; gone: () => void }>();

  constructor() {
    this.#service = new TokenService({
      documentRoot: this.#directory.path,
      ttlMs: 60_000,
      report: (problem) => {
        throw new Error(problem);
      },
    });
  }

  open(): TokenManager {
    let tokens: WorkerTokens | undefined;
    const worker = {
      place: this.#workers.size + 1,
      tellOfTokens: (message: TokensToWorker): void => {
        const text = JSON.stringify(message);
        setImmediate(() => tokens?.receive(JSON.parse(text)));
      },
    };
    let isGone = false;
    tokens = new WorkerTokens({
      ttlMs: 60_000,
      send: (message) => {
        const text = JSON.stringify(message);
        setImmediate(() => {
          if (!isGone) this.#service.receive(worker, JSON.parse(text));
        });
        return true;
      },
    });
    const gone = (): void => {
      isGone = true;
      this.#service.gone(worker);
    };
    this.#workers.set(tokens.manager, { tokens, gone });
    return tokens.manager;
  }

  kill(manager: TokenManager): void {
    this.#workers.get(manager)!.gone();
  }

  async close(): Promise<void> {
    for (const { tokens, gone } of this.#workers.values()) {
      await tokens.close();
      gone();
    }
    this.#service.close();
    this.#directory.remove();
  }
}
