/** Who may write: whoever shows WRITE_TOKEN; where there is none, clients on this machine. */
import { isIP } from 'node:net';
import { UNIX_CLIENT } from '../../config/socket-path.js';
import type { Asker } from '../../http/asker.js';
import { isSameSecret, secretIn } from '../../http/credentials.js';
import type { Reply } from '../../http/reply.js';
import type { RequestHead } from '../../http/request-head.js';
import { isLocal } from '../../transport/peer.js';
import { Refusal } from './refusal.js';

const CHALLENGE = 'WWW-Authenticate: Basic realm="writing", charset="UTF-8", Bearer realm="writing"\r\n';

/**
 * Does nothing when the client may write (RFC 6750 section 2.1, RFC 7617).
 *
 * @param token `''`: there is none
 * @throws Refusal 401 or 403
 */
export function authorize(head: RequestHead, { peer }: Pick<Asker, 'peer'>, token: string): void {
  if (token !== '') {
    if (!isSameSecret(secretIn(head.valueOf('authorization')) ?? '', token)) {
      throw new Refusal(401, 'Writing needs the token of this server (WRITE_TOKEN).', CHALLENGE);
    }
    return;
  }
  if (!isLocal(peer.address)) {
    throw new Refusal(403, 'Only clients on this machine may write, as long as WRITE_TOKEN is not set.');
  }
  // A page of another site, in a browser on this machine, is no client of ours.
  const origin = head.field('origin');
  if (origin === undefined) return;
  const host = head.valueOf('host') ?? '';
  if (origin.replace(/^https?:\/\//, '') !== host || (peer.address !== UNIX_CLIENT && !isOwnName(host))) {
    throw new Refusal(403, 'Pages of other sites may not write.');
  }
}

/** The same as a reply; undefined: the client may. */
export function refusalOfClient(
  head: RequestHead,
  asker: Pick<Asker, 'peer'>,
  token: string,
): Reply | undefined {
  try {
    authorize(head, asker, token);
    return undefined;
  } catch (error) {
    return (error as Refusal).reply;
  }
}

/**
 * True for a name that nobody else can let lead to this machine: a page may come from a name of its own site first, and
 * then change where that leads to, so that its Origin is ours.
 */
function isOwnName(host: string): boolean {
  const name = host.replace(/:\d*$/, '');
  return /^(?:.+\.)?localhost$/i.test(name) || isIP(name.replace(/^\[(.*)\]$/, '$1')) !== 0;
}
