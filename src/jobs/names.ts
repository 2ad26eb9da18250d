/** Names of jobs and parts, which are names of directories and files, too. Pure. */
import { JobError } from './api.js';

/** In bytes of UTF-8. With what is put around it, still the name of a file. */
const MAX_NAME_BYTES = 200;

/** `kind`: "job" or "part", for the message. @throws JobError `bad-name` */
export function checkName(name: string, kind: 'job' | 'part'): void {
  const problem = problemOf(name);
  if (problem !== undefined) throw new JobError('bad-name', `the name of the ${kind} ${problem}`);
}

/**
 * The name that is meant by percent-encoded UTF-8.
 *
 * @throws JobError `bad-name`
 */
export function decodeName(text: string, kind: 'job' | 'part'): string {
  let name: string;
  try {
    name = decodeURIComponent(text);
  } catch {
    throw new JobError('bad-name', `the name of the ${kind} has a % that begins no percent-encoded UTF-8`);
  }
  checkName(name, kind);
  return name;
}

export function isName(name: string): boolean {
  return problemOf(name) === undefined;
}

function problemOf(name: string): string | undefined {
  if (name === '') return 'is empty';
  if (Buffer.byteLength(name) > MAX_NAME_BYTES) return `has more than ${MAX_NAME_BYTES} bytes`;
  // "." and ".." among them, and what is kept beside the jobs.
  if (name.startsWith('.')) return 'begins with a dot';
  if (/[/\\]/.test(name)) return 'has a slash in it';
  // A lone surrogate has no UTF-8, and is written as another character.
  if (/[\p{Cc}\p{Cs}]/u.test(name)) return 'has a control character in it, or is no Unicode';
  return undefined;
}
