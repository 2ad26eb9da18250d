/** `PURGE`: a request, not a method of HTTP, that makes the cache forget what it names. `handover purge` sends it. */
import { errorReply, textReply } from '../http/error-reply.js';
import type { Reply } from '../http/reply.js';
import type { RequestHead } from '../http/request-head.js';
import type { Peer } from '../transport/connection.js';
import { isLocal } from '../transport/peer.js';
import type { ProxyCache } from './cache/proxy-cache.js';

const METHOD = 'PURGE';

/** What a proxy on this machine adds, which would let everybody through. */
const BY_PROXY = ['forwarded', 'via', 'x-forwarded-for'];

export function isPurge(head: RequestHead): boolean {
  return head.method === '' && head.methodText === METHOD;
}

/**
 * Forgets what is stored under these keys, in all workers: 200, or 404 when none had anything. For this machine
 * alone, and not for others through a proxy on it (403).
 *
 * @param head only borrowed
 */
export async function answerPurge(
  cache: Pick<ProxyCache, 'purge'>,
  head: RequestHead,
  keys: readonly string[],
  peer: Peer,
): Promise<Reply> {
  const isProxied = BY_PROXY.some((name) => head.valueOf(name) !== undefined);
  if (isProxied || !isLocal(peer.address)) return errorReply(403, 'Only this machine may purge.');
  const wasStored = await cache.purge(keys);
  const text = wasStored ? 'forgotten\n' : 'nothing was stored\n';
  return textReply(wasStored ? 200 : 404, 'text/plain; charset=utf-8', text);
}
