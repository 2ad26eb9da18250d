/**
 * The jobs of all workers, as each of them sees them: what belongs here is asked here, everything else of the worker
 * that owns it, through the master.
 */
import { type JobAnswer, JobError, type JobRequest, type JobStatus, type PartReceipt } from './api.js';
import type { Incoming } from './incoming.js';
import type { JobsLink } from './link.js';
import { checkName } from './names.js';
import type { JobsOwner } from './owner.js';
import { type Held, PartReception, wrongOffset } from './part-reception.js';
import { Pulse, SilentOwner } from './pulse.js';
import type { Announced, Intake, Reception } from './reception.js';
import { ownerOf } from './routing.js';

export interface JobsOptions {
  readonly link: JobsLink;
  readonly owner: JobsOwner;
  readonly incoming: Incoming;
  readonly maxPartBytes: number;
}

/** So long a job may be without an owner, while one worker goes and another comes. */
const MOVING_MS = 15_000;
const PAUSE_MS = 50;
/** What takes longer than this to be refused was in the hands of an owner until then. */
const OWNED_MS = 2000;
/** How often a job of another worker is asked whether it has changed. */
const LOOK_MS = 500;

export class Jobs implements Intake {
  readonly #options: JobsOptions;
  readonly #held: Held = { bytes: 0 };
  readonly #pulse: Pulse;

  constructor(options: JobsOptions) {
    this.#options = options;
    this.#pulse = new Pulse((place) => options.link.call(place, { op: 'ping', job: '' }));
  }

  placeOf(job: string): number | undefined {
    return ownerOf(job, this.#options.link.members);
  }

  /** Asks whoever owns the job. Rejects with JobError. */
  async call(request: JobRequest): Promise<JobAnswer> {
    checkName(request.job, 'job');
    let ownedMs = performance.now();
    const waitedMs = ownedMs + (request.op === 'wait' ? request.waitMs : 0);
    for (;;) {
      const askedMs = performance.now();
      try {
        // A new owner waits for what is left of the time.
        const leftMs = Math.max(0, waitedMs - askedMs);
        return await this.#ask(request.op === 'wait' ? { ...request, waitMs: leftMs } : request);
      } catch (error) {
        // All that can be asked may be asked twice.
        const isMoving =
          error instanceof JobError && error.code === 'owner-lost' && !(error instanceof SilentOwner);
        const nowMs = performance.now();
        if (nowMs - askedMs > OWNED_MS) ownedMs = nowMs;
        if (!isMoving || nowMs - ownedMs > MOVING_MS) throw error;
        await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      }
    }
  }

  /** The status of a job. Rejects with JobError. */
  async status(job: string): Promise<JobStatus> {
    return (await this.call({ op: 'status', job })).status!;
  }

  list(): Promise<readonly JobStatus[]> {
    return this.#options.link.list();
  }

  /** A part that is durable; undefined when there is none. Rejects with JobError when there is no answer. */
  async part(job: string, part: string): Promise<PartReceipt | undefined> {
    checkName(part, 'part');
    try {
      return (await this.call({ op: 'part', job, part })).part;
    } catch (error) {
      if (error instanceof JobError && error.status === 404) return undefined;
      throw error;
    }
  }

  /** Bytes that are here of a part which was broken off. */
  partialBytes(job: string, part: string): Promise<number> {
    return this.#options.incoming.partialBytes(job, part);
  }

  async begin(announced: Announced): Promise<Reception> {
    const { incoming, maxPartBytes } = this.#options;
    const { job, part, bytes, offset = 0 } = announced;
    checkName(part, 'part');
    await this.call({ op: 'admit', job, part, bytes });
    // What is sent through another worker finds out at its end whether there is still room for it.
    const arrival = this.#options.owner.peek(job)?.receive(part, bytes);
    const reception = new PartReception({
      announced,
      incoming,
      maxBytes: maxPartBytes,
      held: this.#held,
      deliver: async (delivery) => (await this.call({ op: 'deliver', job, delivery })).part!,
      gate: () => this.#options.owner.peek(job)?.room(),
      onBytes: (count) => arrival?.came(count),
      onEnd: () => arrival?.end(),
    });
    if (offset === 0) return reception;
    const name = await incoming.take(job, part);
    if (name === undefined) {
      await reception.abandon();
      throw wrongOffset(0);
    }
    await reception.resume(name, offset);
    return reception;
  }

  /**
   * Calls back with the status of a job: at once, and whenever it has changed. Returns what ends that.
   *
   * @param onLost it can no longer be seen
   */
  watch(job: string, onStatus: (status: JobStatus) => void, onLost: (error: Error) => void): () => void {
    let isWatched = true;
    let last = '';
    let timer: NodeJS.Timeout | undefined;
    const look = (): void => {
      this.status(job).then(
        (status) => {
          if (!isWatched) return;
          const text = JSON.stringify(status);
          if (text !== last) onStatus(status);
          last = text;
          if (isWatched) timer = setTimeout(look, LOOK_MS);
        },
        (error: Error) => {
          if (isWatched) onLost(error);
        },
      );
    };
    look();
    return () => {
      isWatched = false;
      clearTimeout(timer);
    };
  }

  #ask(request: JobRequest): Promise<JobAnswer> {
    const { link, owner } = this.#options;
    const place = this.placeOf(request.job);
    if (place === undefined) return Promise.reject(new JobError('owner-lost', 'no worker serves'));
    if (place === link.place) return owner.handle(request);
    return this.#pulse.during(place, link.call(place, forTheWay(request)));
  }
}

/** As text, which is what goes between processes. */
function forTheWay(request: JobRequest): JobRequest {
  if (request.op !== 'deliver' || !Buffer.isBuffer(request.delivery.content)) return request;
  const { delivery } = request;
  return { ...request, delivery: { ...delivery, content: request.delivery.content.toString('base64') } };
}
