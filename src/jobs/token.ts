/** Whether a client may: JOBS_TOKEN. */
import { isSameSecret, secretIn } from '../http/credentials.js';
import { JobError } from './api.js';

/**
 * Does nothing when the token is the right one, or when none is needed. How long it takes tells nothing of the token.
 *
 * @param wanted `''`: everybody may
 * @throws JobError `unauthorized`
 */
export function checkToken(wanted: string, given: string | undefined): void {
  if (wanted === '' || isSameSecret(wanted, given ?? '')) return;
  const problem = given === undefined ? 'a token is needed' : 'this is not the right token';
  throw new JobError('unauthorized', problem);
}

/**
 * The same of a request over HTTP: `Bearer TOKEN`, or basic authentication with the token as password (RFC 6750 section
 * 2.1, RFC 7617).
 *
 * @param authorization the field; undefined when there is none
 * @throws JobError `unauthorized`
 */
export function checkAuthorization(wanted: string, authorization: string | undefined): void {
  checkToken(wanted, secretIn(authorization));
}
