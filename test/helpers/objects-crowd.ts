/** Clients of an ObjectsOrigin, behind whatever proxy: they hold every answer against what it must be. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { eventually, within } from './eventually.js';
import { factsOf, type ObjectFacts } from './objects-origin.js';

export interface GetOptions {
  readonly agent?: http.Agent | false;
  /** Looks at its connection only now and then. */
  readonly isSlow?: boolean;
}

/** What a client got. Rejects when it did not come whole. */
export async function getObject(
  url: string,
  { agent = false, isSlow = false }: GetOptions = {},
): Promise<ObjectFacts> {
  const request = http.get(url, { agent });
  const [response] = (await once(request, 'response')) as [http.IncomingMessage];
  const hash = createHash('sha256');
  let sizeBytes = 0;
  for await (const bytes of response) {
    hash.update(bytes as Buffer);
    sizeBytes += (bytes as Buffer).length;
    if (isSlow) await nextTurn();
  }
  if (!response.complete) throw new Error(`${url} did not come whole`);
  return { status: response.statusCode!, sizeBytes, digest: hash.digest('hex') };
}

/** Objects that the crowd asks for in one round; in the next one they have other names. */
const OBJECTS = 40;
const REQUESTS_IN_ROUND = 8;
/** For a busy machine: the slowest of the crowd waits for all others. */
const BOUND_MS = 60_000;

/**
 * A crowd that asks, each client one request after another, until it is ended. What is asked for is what others ask
 * for at about the same time, and new with every round: so there are hits, fills, and many who wait for one.
 */
export class ObjectsCrowd {
  readonly #base: string;
  readonly #agent: http.Agent;
  /** Answers by client. */
  readonly #answers: number[];
  readonly #ended: Promise<unknown>;
  #failure: Error | undefined;
  #isOver = false;

  /** @param base URL below which the origin's objects are */
  constructor(base: string, clients: number) {
    this.#base = base;
    this.#agent = new http.Agent({ keepAlive: true, maxSockets: clients });
    this.#answers = Array.from({ length: clients }, () => 0);
    this.#ended = Promise.all(this.#answers.map((_, client) => this.#run(client)));
  }

  /** Answers, all of them whole and right. */
  get done(): number {
    return this.#answers.reduce((sum, answers) => sum + answers);
  }

  /** Waits until every client has got so many further answers. Rejects when one got anything else. */
  async gets(answers: number): Promise<void> {
    const before = [...this.#answers];
    const hasCome = (): true | undefined => {
      if (this.#failure !== undefined) throw this.#failure;
      return this.#answers.every((now, client) => now >= before[client]! + answers) || undefined;
    };
    await eventually(hasCome, () => `${answers} answers for each; there are ${this.#answers}`, BOUND_MS);
  }

  /** Lets every client finish. Rejects when one got anything but what is right. */
  async end(): Promise<void> {
    this.#isOver = true;
    try {
      await within(this.#ended, () => `the last answers; there are ${this.#answers}`, BOUND_MS);
    } finally {
      this.#agent.destroy();
    }
    if (this.#failure !== undefined) throw this.#failure;
  }

  async #run(client: number): Promise<void> {
    for (let i = 0; !this.#isOver && this.#failure === undefined; i++) {
      const number = 1 + ((client * 7 + i * 11) % (OBJECTS - 1));
      const path = `/round-${Math.floor(i / REQUESTS_IN_ROUND)}/${number}`;
      try {
        const got = await getObject(this.#base + path, { agent: this.#agent, isSlow: client % 8 === 0 });
        if (!isDeepStrictEqual(got, factsOf(number))) {
          throw new Error(`${path}: ${JSON.stringify(got)} and not ${JSON.stringify(factsOf(number))}`);
        }
        this.#answers[client]!++;
      } catch (error) {
        this.#failure ??= new Error(`client ${client}, ${path}: ${error}`, { cause: error });
      }
    }
  }
}
