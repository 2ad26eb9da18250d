/** Cache-Status (RFC 9211): what the cache did with a request, for whoever looks for the reason. Pure. */
import type { Aged } from './reuse.js';

/** Why a request went on to the origin (section 2.2). */
export type ForwardReason = 'bypass' | 'method' | 'uri-miss' | 'vary-miss' | 'request' | 'stale';

export interface Forwarded {
  readonly reason: ForwardReason;
  /** What the origin has answered, where that is not the status of the response. */
  readonly status?: number;
  readonly isStored?: boolean;
  /** Another request that was under way already has brought it. */
  readonly isCollapsed?: boolean;
  /** The stored response was used because the origin failed. */
  readonly isFallback?: boolean;
}

/** The line of a response that was at hand; `ttl` is below 0 when it is stale. */
export function hitStatus({ ageMs, lifetimeMs }: Aged): string {
  return `Cache-Status: handover; hit; ttl=${Math.floor((lifetimeMs - ageMs) / 1000)}\r\n`;
}

/** The line of a response that the origin had to be asked for. */
export function forwardedStatus({ reason, status, isStored, isCollapsed, isFallback }: Forwarded): string {
  const parameters = [
    `fwd=${reason}`,
    status === undefined ? '' : `fwd-status=${status}`,
    isStored === true ? 'stored' : '',
    isCollapsed === true ? 'collapsed' : '',
    isFallback === true ? 'detail=stale-if-error' : '',
  ];
  return `Cache-Status: handover; ${parameters.filter(Boolean).join('; ')}\r\n`;
}
