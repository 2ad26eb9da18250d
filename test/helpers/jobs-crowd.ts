/** Clients by the thousand that send parts of jobs at once, in this process or in several. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { type ContentDigest, concatOf, type JobPart } from './job-content.js';
import { PartClient, type PartOutcome, type PartProtocol } from './part-client.js';
import type { Processes } from './processes.js';

export interface CrowdPlan {
  /** Where they connect to; several are taken in turn by the clients. */
  readonly ports: readonly number[];
  readonly protocol: PartProtocol;
  readonly jobs: number;
  /** Of each job. */
  readonly clients: number;
  /** Of the parts that each client sends one after another, in bytes; every client begins with another of them. */
  readonly sizes: readonly number[];
  /** What the names of the jobs begin with; `job` unless given. */
  readonly name?: string;
  readonly token?: string;
  /** Every such client breaks off its first part in the middle, and then sends it whole on another connection. */
  readonly brokenEvery?: number;
  /** Over HTTP, every such client sends without saying how much. */
  readonly chunkedEvery?: number;
  /** The parts of a client are of one job after another, and not all of the same. */
  readonly roams?: boolean;
  /** False: digests in answers are not looked at. */
  readonly isStrict?: boolean;
}

/** Those clients whose number, divided by `of`, leaves `index`. */
export interface CrowdShare {
  readonly index: number;
  readonly of: number;
}

/** The names of all jobs. */
export function jobsOf({ jobs, name = 'job' }: CrowdPlan): string[] {
  return Array.from({ length: jobs }, (_, job) => `${name}-${job}`);
}

/** What a client (from 0; those of the first job first) sends. */
export function partsOf(plan: CrowdPlan, client: number): JobPart[] {
  const { jobs, clients, sizes, roams = false, name = 'job' } = plan;
  return sizes.map((_, i) => ({
    job: `${name}-${(Math.floor(client / clients) + (roams ? i : 0)) % jobs}`,
    part: `part-${String(client).padStart(6, '0')}-${i}`,
    bytes: sizes[(client + i) % sizes.length]!,
  }));
}

/** What the reducer `concat` must make of each job, by name. */
export function resultsOf(plan: CrowdPlan): Map<string, ContentDigest & { readonly parts: number }> {
  const parts = new Map<string, JobPart[]>(jobsOf(plan).map((job) => [job, []]));
  for (let client = 0; client < plan.jobs * plan.clients; client++) {
    for (const part of partsOf(plan, client)) parts.get(part.job)!.push(part);
  }
  return new Map([...parts].map(([job, own]) => [job, { ...concatOf(own), parts: own.length }]));
}

/** The clients of a plan, or a share of them. */
export class JobsCrowd {
  readonly #plan: CrowdPlan;
  readonly #clients: readonly { readonly number: number; readonly client: PartClient }[];

  constructor(plan: CrowdPlan, { index, of }: CrowdShare = { index: 0, of: 1 }) {
    const { ports, protocol, token, isStrict } = plan;
    this.#plan = plan;
    this.#clients = Array.from({ length: plan.jobs * plan.clients }, (_, number) => number)
      .filter((number) => number % of === index)
      .map((number) => {
        const port = ports[number % ports.length]!;
        return { number, client: new PartClient({ port, protocol, token, isStrict }) };
      });
  }

  /** Makes all connections. Rejects when one cannot be made. */
  async connect(): Promise<void> {
    await Promise.all(this.#clients.map(({ client }) => client.connect()));
  }

  /** All send at once. Resolves to what came of every part, when all clients have left. */
  async send(): Promise<PartOutcome[]> {
    const outcomes = await Promise.all(this.#clients.map(({ number, client }) => this.#run(number, client)));
    return outcomes.flat();
  }

  async #run(number: number, client: PartClient): Promise<PartOutcome[]> {
    const { brokenEvery, chunkedEvery } = this.#plan;
    const isOne = (every: number | undefined): boolean => every !== undefined && number % every === every - 1;
    const parts = partsOf(this.#plan, number);
    const outcomes: PartOutcome[] = [];
    if (isOne(brokenEvery)) outcomes.push(await client.breakOff(parts[0]!));
    for (const part of parts) outcomes.push(await client.send(part, isOne(chunkedEvery)));
    client.leave();
    return outcomes;
  }
}

/** What a crowd's process is asked, and what it answers. */
export type CrowdRequest = 'connect' | 'send';
export type CrowdReply =
  | { readonly outcomes: readonly PartOutcome[] }
  | { readonly connected: true }
  | { readonly failed: string };

/** A crowd in processes of their own: one process can hold only so many descriptors, and use one core. */
export class JobsCrowdProcesses {
  readonly #children: readonly ChildProcess[];

  private constructor(children: readonly ChildProcess[]) {
    this.#children = children;
  }

  /** Starts the processes; `processes` ends them. */
  static async start(processes: Processes, plan: CrowdPlan, count: number): Promise<JobsCrowdProcesses> {
    const start = (_: unknown, index: number): Promise<ChildProcess> =>
      processes.start('./jobs-crowd-process.js', [JSON.stringify(plan), String(index), String(count)], {
        serialization: 'advanced',
      });
    return new JobsCrowdProcesses(await Promise.all(Array.from({ length: count }, start)));
  }

  /** Makes all connections. Rejects when one cannot be made. */
  async connect(): Promise<void> {
    await this.#ask('connect');
  }

  /** As JobsCrowd's. */
  async send(): Promise<PartOutcome[]> {
    const replies = await this.#ask('send');
    return replies.flatMap((reply) => ('outcomes' in reply ? reply.outcomes : []));
  }

  #ask(request: CrowdRequest): Promise<CrowdReply[]> {
    return Promise.all(
      this.#children.map(async (child) => {
        const replied = once(child, 'message');
        const ended = once(child, 'exit').then(() =>
          Promise.reject(new Error('a process of the crowd has ended')),
        );
        child.send(request);
        const [reply] = (await Promise.race([replied, ended])) as [CrowdReply];
        if ('failed' in reply) throw new Error(reply.failed);
        return reply;
      }),
    );
  }
}

/** How many parts ended how, as `accepted 201` or `lost`: for an assertion that says what is not as it must be. */
export function tally(outcomes: readonly PartOutcome[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { ending, text } of outcomes) {
    const key = ending === 'accepted' || ending === 'refused' ? `${ending} ${text}` : ending;
    counts[key] = (counts[key] ?? 0) + 1;
  }
  return counts;
}
