/**
 * Parts on their way into a job, and what they take up of its limits: what was announced of each, and what comes beyond
 * that. Several attempts at one part count once, as the largest of them; a part that is durable counts as one of the
 * job's. Pure.
 */
import { JobError, partTooLarge } from './api.js';
import type { JobRecord } from './job-record.js';

export interface JobLimits {
  readonly maxParts: number;
  readonly maxPartBytes: number;
  readonly maxJobBytes: number;
}

/** One attempt at a part. */
export interface Arrival {
  /**
   * So many bytes more have come.
   *
   * @throws JobError `job-too-large` when there is no room for them
   */
  came(bytes: number): void;
  /** However it ended. Called once. */
  end(): void;
}

/** What an attempt takes up. */
interface Claim {
  bytes: number;
}

/** See the file's header. */
export class Arrivals {
  readonly #limits: JobLimits;
  readonly #stored: Pick<JobRecord, 'parts' | 'bytes'>;
  readonly #claims = new Map<string, Set<Claim>>();
  /** Of the largest attempts at each part. */
  #claimedBytes = 0;
  #receiving = 0;
  #receivingBytes = 0;

  /** @param stored what is durable */
  constructor(limits: JobLimits, stored: Pick<JobRecord, 'parts' | 'bytes'>) {
    this.#limits = limits;
    this.#stored = stored;
  }

  /** Attempts that `receive` has begun. */
  get receiving(): number {
    return this.#receiving;
  }

  /** Bytes that have come of those. */
  get receivingBytes(): number {
    return this.#receivingBytes;
  }

  /** @throws JobError when there is no room for such a part; one that is durable may be sent again */
  check(part: string, bytes: number): void {
    const { maxParts, maxPartBytes } = this.#limits;
    const { parts } = this.#stored;
    if (parts.has(part)) return;
    const others = this.#claims.size - (this.#claims.has(part) ? 1 : 0);
    if (parts.size + others >= maxParts) {
      throw new JobError('too-many-parts', `a job may have ${maxParts} parts (JOBS_MAX_PARTS)`);
    }
    if (bytes > maxPartBytes) throw partTooLarge(maxPartBytes);
    this.#checkBytes(Math.max(0, bytes - largestOf(this.#claims.get(part))));
  }

  /**
   * Somebody begins to send a part.
   *
   * @param bytes of the whole part, as far as that is known
   * @throws JobError as `check` does
   */
  receive(part: string, bytes: number): Arrival {
    this.check(part, bytes);
    const claim = this.#claim(part, bytes);
    let cameBytes = 0;
    this.#receiving++;
    return {
      came: (count) => {
        this.#grow(part, claim, cameBytes + count);
        cameBytes += count;
        this.#receivingBytes += count;
      },
      end: () => {
        this.#receiving--;
        this.#receivingBytes -= cameBytes;
        this.#drop(part, claim);
      },
    };
  }

  /**
   * Keeps room for a part that is whole, while it is made durable. Returns what gives the room back.
   *
   * @throws JobError as `check` does
   */
  hold(part: string, bytes: number): () => void {
    this.check(part, bytes);
    const claim = this.#claim(part, bytes);
    return () => this.#drop(part, claim);
  }

  /** It is durable: further attempts change nothing. */
  stored(part: string): void {
    this.#resize(part, () => this.#claims.delete(part));
  }

  #checkBytes(more: number): void {
    const { maxJobBytes } = this.#limits;
    if (this.#stored.bytes + this.#claimedBytes + more <= maxJobBytes) return;
    const what = `a job may have ${maxJobBytes} bytes (JOBS_MAX_JOB_MB), those on their way among them`;
    throw new JobError('job-too-large', what);
  }

  #claim(part: string, bytes: number): Claim {
    const claim = { bytes };
    if (this.#stored.parts.has(part)) return claim;
    this.#resize(part, () => {
      const claims = this.#claims.get(part);
      if (claims === undefined) this.#claims.set(part, new Set([claim]));
      else claims.add(claim);
    });
    return claim;
  }

  #grow(part: string, claim: Claim, bytes: number): void {
    const claims = this.#claims.get(part);
    if (bytes <= claim.bytes || !claims?.has(claim)) return;
    this.#checkBytes(Math.max(0, bytes - largestOf(claims)));
    this.#resize(part, () => {
      claim.bytes = bytes;
    });
  }

  #drop(part: string, claim: Claim): void {
    this.#resize(part, () => this.#claims.get(part)?.delete(claim));
  }

  /** Does something to the claims of a part, and keeps the sum right. */
  #resize(part: string, change: () => void): void {
    this.#claimedBytes -= largestOf(this.#claims.get(part));
    change();
    const claims = this.#claims.get(part);
    if (claims?.size === 0) this.#claims.delete(part);
    this.#claimedBytes += largestOf(claims);
  }
}

function largestOf(claims: ReadonlySet<Claim> | undefined): number {
  let largest = 0;
  for (const { bytes } of claims ?? []) largest = Math.max(largest, bytes);
  return largest;
}
