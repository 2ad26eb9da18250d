/** What WebDAV answers in XML (RFC 4918 sections 13, 14 and 16). Pure. */
import { bodyFields } from '../http/error-reply.js';
import { REASON, type Reply } from '../http/reply.js';
import type { Lock } from './locks.js';
import { escapeXml } from './xml.js';

/** One resource in a multistatus: properties by status, or one status for all of it. */
export interface ResourceResponse {
  /** Absolute path, percent-encoded. */
  readonly href: string;
  readonly status?: number;
  readonly propstats?: readonly Propstat[];
  /** What is wrong, as an element of `DAV:`: see `precondition`. */
  readonly error?: string;
}

export interface Propstat {
  readonly status: number;
  /** Elements, ready for the wire. */
  readonly properties: readonly string[];
  readonly error?: string;
}

const PROLOGUE = '<?xml version="1.0" encoding="utf-8"?>\n';
const XML_TYPE = 'application/xml; charset="utf-8"';

/** 207 with what became of each resource. */
export function multistatus(responses: readonly ResourceResponse[]): Reply {
  const text = responses.map(responseElement).join('\n');
  return xmlReply(207, `<D:multistatus xmlns:D="DAV:">\n${text}\n</D:multistatus>`);
}

/** An error with its precondition (section 16), such as `lock-token-submitted` with the paths that are locked. */
export function davError(status: number, name: string, hrefs: readonly string[] = [], fields = ''): Reply {
  return xmlReply(status, `<D:error xmlns:D="DAV:">${precondition(name, hrefs)}</D:error>`, fields);
}

/** The element of a precondition, to stand where `D` is `DAV:`. */
export function precondition(name: string, hrefs: readonly string[] = []): string {
  if (hrefs.length === 0) return `<D:${name}/>`;
  return `<D:${name}>${hrefs.map(hrefElement).join('')}</D:${name}>`;
}

/** A document as a reply, which nobody may store. */
export function xmlReply(status: number, root: string, fields = ''): Reply {
  const body = Buffer.from(`${PROLOGUE}${root}\n`);
  return {
    status,
    fields: bodyFields(XML_TYPE, body.length, 'no-store') + fields,
    body,
    cache: '',
    close: false,
  };
}

/**
 * The `lockdiscovery` property (section 15.8), to stand where `D` is `DAV:`.
 *
 * @param hrefOf the path of what a lock lies on, percent-encoded
 */
export function lockdiscovery(
  locks: readonly Lock[],
  remainingSeconds: (lock: Lock) => number,
  hrefOf: (lock: Lock) => string,
): string {
  if (locks.length === 0) return '<D:lockdiscovery/>';
  const active = locks.map((lock) => {
    const owner = lock.owner === '' ? '' : `<D:owner>${lock.owner}</D:owner>`;
    return (
      `<D:activelock><D:locktype><D:write/></D:locktype><D:lockscope><D:${lock.scope}/></D:lockscope>` +
      `<D:depth>${lock.depth}</D:depth>${owner}<D:timeout>Second-${remainingSeconds(lock)}</D:timeout>` +
      `<D:locktoken>${hrefElement(lock.token)}</D:locktoken><D:lockroot>${hrefElement(hrefOf(lock))}</D:lockroot>` +
      '</D:activelock>'
    );
  });
  return `<D:lockdiscovery>${active.join('')}</D:lockdiscovery>`;
}

/** The `supportedlock` property (section 15.10). */
export const SUPPORTED_LOCK = `<D:supportedlock>${['exclusive', 'shared']
  .map(
    (scope) =>
      `<D:lockentry><D:lockscope><D:${scope}/></D:lockscope><D:locktype><D:write/></D:locktype></D:lockentry>`,
  )
  .join('')}</D:supportedlock>`;

function responseElement({ href, status, propstats = [], error }: ResourceResponse): string {
  const parts = propstats.map(
    (propstat) =>
      `<D:propstat><D:prop>${propstat.properties.join('')}</D:prop>${statusElement(propstat.status)}` +
      `${errorElement(propstat.error)}</D:propstat>`,
  );
  if (status !== undefined) parts.push(statusElement(status));
  return `<D:response>${hrefElement(href)}${parts.join('')}${errorElement(error)}</D:response>`;
}

function hrefElement(href: string): string {
  return `<D:href>${escapeXml(href)}</D:href>`;
}

function statusElement(status: number): string {
  return `<D:status>HTTP/1.1 ${status} ${REASON[status] ?? ''}</D:status>`;
}

function errorElement(error: string | undefined): string {
  return error === undefined ? '' : `<D:error>${error}</D:error>`;
}
