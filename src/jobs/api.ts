/**
 * What can be asked of a job, as plain data: the same whether its owner is this worker or another one, who is asked
 * through the master.
 */

/** How the parts of a job become its result. `module`: the file that REDUCER names. */
export const REDUCERS = ['concat', 'lines', 'count', 'sum', 'merge-json', 'module'] as const;

export type ReducerName = (typeof REDUCERS)[number];

/** In which order a reducer is given the parts: by their names, when the job is sealed, or as they arrive. */
export type PartOrder = 'name' | 'arrival';

/** The order that a job has where nothing is said of it. */
export function usualOrder(reducer: ReducerName): PartOrder {
  return reducer === 'lines' || reducer === 'module' ? 'arrival' : 'name';
}

export interface JobOptions {
  readonly reducer: ReducerName;
  readonly order: PartOrder;
  /** The job is sealed when so many parts are there. */
  readonly expectedParts?: number | undefined;
  /** The job is sealed at this time, in milliseconds since the epoch. */
  readonly deadlineMs?: number | undefined;
}

/** `open`: takes parts. `sealed`: takes no more, and is being reduced. `done`: has a result. `failed`: never will. */
export type JobState = 'open' | 'sealed' | 'done' | 'failed';

export interface JobResult {
  readonly bytes: number;
  /** In hexadecimal. */
  readonly sha256: string;
}

export interface JobStatus extends JobOptions {
  readonly job: string;
  readonly state: JobState;
  readonly createdMs: number;
  /** Parts that are durable. */
  readonly parts: number;
  /** Their bytes. */
  readonly bytes: number;
  /** Those of them that the reducer has been given. */
  readonly reducedBytes: number;
  /** Connections that send parts now. */
  readonly receiving: number;
  /** Bytes of parts that have come and are not whole yet. */
  readonly receivingBytes: number;
  /** Once it is done. */
  readonly result?: JobResult | undefined;
  /** Why it has failed. */
  readonly error?: string | undefined;
}

/** A part that is durable. */
export interface PartReceipt {
  readonly part: string;
  readonly bytes: number;
  /** In hexadecimal. */
  readonly sha256: string;
  /** False when the same part with the same content was there already. */
  readonly isNew: boolean;
}

/** A part that has come, whole, and waits to be made durable. */
export interface Delivery {
  readonly part: string;
  readonly bytes: number;
  readonly sha256: string;
  /** Name of the file below `.incoming` that holds it, durably. Its name is for whoever delivers it to remove. */
  readonly file?: string | undefined;
  /** Or else the content itself; in base64 when it comes from another worker. */
  readonly content?: Buffer | string | undefined;
}

/** What is asked of the owner of a job. */
export type JobRequest =
  | { readonly op: 'create'; readonly job: string; readonly options: Partial<JobOptions> }
  /** May this part be sent? Creates the job if there is none. */
  | { readonly op: 'admit'; readonly job: string; readonly part: string; readonly bytes?: number | undefined }
  | { readonly op: 'deliver'; readonly job: string; readonly delivery: Delivery }
  | { readonly op: 'part'; readonly job: string; readonly part: string }
  | { readonly op: 'status'; readonly job: string }
  | { readonly op: 'seal'; readonly job: string }
  /** The state when the job is done or has failed, or after `waitMs`. */
  | { readonly op: 'wait'; readonly job: string; readonly waitMs: number }
  | { readonly op: 'remove'; readonly job: string }
  /** Is anybody there? */
  | { readonly op: 'ping'; readonly job: string };

/** `part` of a part that is durable, `status` of everything else that says anything. */
export interface JobAnswer {
  readonly status?: JobStatus;
  readonly part?: PartReceipt;
  /** The job was made by this request. */
  readonly isNew?: boolean;
}

/** Codes of what can be wrong, with their HTTP status. In a reply on JOBS_PORT the code stands behind `ERR`. */
export const JOB_ERRORS = {
  'bad-request': 400,
  'bad-name': 400,
  unauthorized: 401,
  'no-such-job': 404,
  'no-such-part': 404,
  timeout: 408,
  'part-differs': 409,
  'job-sealed': 409,
  'job-exists': 409,
  'job-not-done': 409,
  'job-failed': 409,
  'wrong-offset': 409,
  'part-too-large': 413,
  'job-too-large': 413,
  'too-many-parts': 413,
  'too-many-jobs': 429,
  'wrong-digest': 400,
  'owner-lost': 503,
  'storage-full': 507,
  'storage-failed': 500,
} as const;

export type JobErrorCode = keyof typeof JOB_ERRORS;

/** Why something cannot be had of a job. */
export class JobError extends Error {
  readonly code: JobErrorCode;
  /** Bytes of the part that are here, with `wrong-offset`. */
  readonly offset: number | undefined;

  constructor(code: JobErrorCode, message: string, offset?: number) {
    super(message);
    this.code = code;
    this.offset = offset;
  }

  /** Of HTTP. */
  get status(): number {
    return JOB_ERRORS[this.code];
  }
}

export function partTooLarge(maxBytes: number): JobError {
  return new JobError('part-too-large', `a part may have ${maxBytes} bytes (JOBS_MAX_PART_MB)`);
}
