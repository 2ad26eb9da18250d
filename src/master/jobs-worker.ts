/** A worker, as far as the master's part in jobs is concerned. */
import type { JobsToWorker } from '../jobs/messages.js';

/** A process, and not the place it fills: another one may have that by now. */
export interface JobsWorker {
  readonly place: number;
  tellOfJobs(about: JobsToWorker): void;
}
