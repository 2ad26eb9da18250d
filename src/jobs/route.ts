/** What a path below /jobs means. Pure. */
import { decodeName } from './names.js';

/** Where jobs are, on the ordinary port. */
export const JOBS_PATH = '/jobs';

export type Route =
  | { readonly to: 'jobs' }
  | { readonly to: 'job' | 'seal' | 'result' | 'events'; readonly job: string }
  | { readonly to: 'part'; readonly job: string; readonly part: string };

/** Methods that a resource knows. */
export const METHODS: Readonly<Record<Route['to'], readonly string[]>> = {
  jobs: ['GET', 'HEAD', 'POST'],
  job: ['GET', 'HEAD', 'DELETE'],
  seal: ['POST'],
  result: ['GET', 'HEAD'],
  events: ['GET'],
  part: ['PUT', 'HEAD'],
};

/**
 * @param path as received: percent-encoded, without query
 * @returns undefined when nothing is there
 * @throws JobError `bad-name`
 */
export function routeOf(path: string): Route | undefined {
  const [, root, name, what, part, ...rest] = path.split('/');
  if (`/${root}` !== JOBS_PATH || rest.length > 0) return undefined;
  if (name === undefined || (name === '' && what === undefined)) return { to: 'jobs' };
  const job = decodeName(encoded(name), 'job');
  if (what === undefined || (what === '' && part === undefined)) return { to: 'job', job };
  if (what === 'parts' && part !== undefined) {
    return { to: 'part', job, part: decodeName(encoded(part), 'part') };
  }
  if (part !== undefined || (what !== 'seal' && what !== 'result' && what !== 'events')) return undefined;
  return { to: what, job };
}

/** What was sent as it is, without encoding, came as one char for each byte. */
function encoded(segment: string): string {
  return segment.replaceAll(/[\x80-\xff]/g, (char) => `%${char.charCodeAt(0).toString(16)}`);
}
