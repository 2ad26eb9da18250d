/** Settings that a reload cannot change, because old workers and new ones go by them at the same time. Pure. */
import type { Settings } from '../config/settings.js';

/** Where tokens are given, and for how long. */
export interface ArbiterPlace {
  readonly documentRoot: string;
  readonly ttlMs: number;
}

/** The settings to go over to; `arbiter` is the one there is, if any. */
export function settingsAfter(before: Settings, wanted: Settings, arbiter?: ArbiterPlace): Settings {
  return withTokensOf(arbiter, withJobsOf(before, wanted));
}

/** What to tell of those that are not as they are wanted, a line each. */
export function restartNotes(before: Settings, settings: Settings, wanted: Settings): readonly string[] {
  const notes: string[] = [];
  if (settings.transport !== before.transport)
    notes.push('TRANSPORT is changed by a restart, not by a reload');
  if (settings.tokenTtlSeconds !== wanted.tokenTtlSeconds)
    notes.push('TOKEN_TTL_SECONDS is changed by a restart, not by a reload');
  if (settings.documentRoot !== wanted.documentRoot)
    notes.push('DOCUMENT_ROOT is changed by a restart where WRITABLE is on, not by a reload');
  if (settings.jobsDir !== wanted.jobsDir) notes.push('JOBS_DIR is changed by a restart, not by a reload');
  return notes;
}

/** Jobs that are on stay where they are: while one worker after the other is replaced, a job has one place. */
function withJobsOf({ jobsDir }: Settings, wanted: Settings): Settings {
  return jobsDir === '' || wanted.jobsDir === '' ? wanted : { ...wanted, jobsDir };
}

/**
 * What is written stays where it is, and under the same rules, for as long as there is one arbiter: also when nothing
 * could be written for a while.
 */
function withTokensOf(arbiter: ArbiterPlace | undefined, wanted: Settings): Settings {
  if (arbiter === undefined || wanted.writable.length === 0) return wanted;
  return { ...wanted, documentRoot: arbiter.documentRoot, tokenTtlSeconds: arbiter.ttlMs / 1000 };
}
