/**
 * Whether a worker that was asked something still says anything at all. One that stands still (SIGSTOP) keeps its place
 * and its jobs, and the master answers nothing for it, as it does for one that is gone.
 */
import { JobError } from './api.js';

const BEAT_MS = 3000;
/** After the one at which it was asked. Counted, and not measured: when this process itself stood still, no time has gone by for the other. */
const SILENT_BEATS = 4;

/** It has not answered for 15 seconds. */
export class SilentOwner extends JobError {
  constructor() {
    super('owner-lost', 'the worker that puts this job together does not answer');
  }
}

interface Beat {
  readonly waiting: Set<(error: SilentOwner) => void>;
  readonly timer: NodeJS.Timeout;
  /** Beats since something was asked that is not answered. */
  silent: number;
}

/** See the file's header. */
export class Pulse {
  readonly #ping: (place: number) => Promise<unknown>;
  readonly #beats = new Map<number, Beat>();

  /** @param ping asks the worker at a place for any answer; that it refuses is one, too */
  constructor(ping: (place: number) => Promise<unknown>) {
    this.#ping = ping;
  }

  /** The answer of the worker at a place. Rejects with SilentOwner when that worker says nothing any more. */
  async during<T>(place: number, answer: Promise<T>): Promise<T> {
    const beat = this.#beats.get(place) ?? this.#begin(place);
    let giveUp!: (error: SilentOwner) => void;
    const silence = new Promise<never>((_, reject) => {
      giveUp = reject;
    });
    beat.waiting.add(giveUp);
    try {
      return await Promise.race([answer, silence]);
    } finally {
      beat.waiting.delete(giveUp);
      if (beat.waiting.size === 0) this.#end(place, beat);
    }
  }

  #begin(place: number): Beat {
    const timer = setInterval(() => this.#look(place, beat), BEAT_MS);
    const beat: Beat = { waiting: new Set(), timer, silent: 0 };
    this.#beats.set(place, beat);
    return beat;
  }

  #end(place: number, beat: Beat): void {
    clearInterval(beat.timer);
    if (this.#beats.get(place) === beat) this.#beats.delete(place);
  }

  #look(place: number, beat: Beat): void {
    if (beat.silent === SILENT_BEATS) {
      // Whoever asks from now on waits as long as these have.
      this.#end(place, beat);
      for (const giveUp of beat.waiting) giveUp(new SilentOwner());
      return;
    }
    if (beat.silent++ > 0) return;
    const heard = (): void => {
      beat.silent = 0;
    };
    this.#ping(place).then(heard, heard);
  }
}
