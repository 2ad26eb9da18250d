/** What a client shows to be let in. */
import { createHash, timingSafeEqual } from 'node:crypto';

/**
 * The secret in an Authorization field: behind `Bearer`, or the password of basic authentication (RFC 6750 section 2.1,
 * RFC 7617). Undefined when there is none.
 */
export function secretIn(authorization: string | undefined): string | undefined {
  const [, scheme = '', credentials = ''] = /^(\S+) +(\S+) *$/.exec(authorization ?? '') ?? [];
  if (scheme.toLowerCase() === 'bearer') return credentials;
  if (scheme.toLowerCase() !== 'basic') return undefined;
  const pair = Buffer.from(credentials, 'base64').toString();
  return pair.slice(pair.indexOf(':') + 1);
}

/** True when both are the same. How long it takes tells nothing of either. */
export function isSameSecret(a: string, b: string): boolean {
  return timingSafeEqual(digestOf(a), digestOf(b));
}

function digestOf(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
