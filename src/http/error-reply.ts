/**
 * Replies that are made here and not found on disk: errors, and short texts.
 */
import { escapeHtml } from './html.js';
import { REASON, type Reply } from './reply.js';

function page(title: string, message: string): string {
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark"><title>${title}</title>
<style>body{font:1rem/1.5 system-ui,sans-serif;max-width:34rem;margin:20vh auto;padding:0 1rem}</style>
<h1>${title}</h1><p>${escapeHtml(message)}</p><hr><p>handover</p></html>
`;
}

const MESSAGES: Readonly<Record<number, string>> = {
  403: 'This is not open to your address.',
  404: 'There is nothing here under this name.',
  405: 'This can be read, and not be changed.',
  501: 'This method is not known here.',
  500: 'The server could not do this. Its log says why.',
  503: 'The server cannot do this right now. Please try again.',
};

/** Further traits of an error reply. */
export interface ErrorOptions {
  /** Field lines, each ended by CRLF. */
  readonly fields?: string;
  /** Default `no-store`. */
  readonly cacheControl?: string;
  readonly close?: boolean;
  /** HEAD: everything but the body. */
  readonly headOnly?: boolean;
  readonly monitoring?: boolean;
}

/** An error as a small page. Says `message`, or what is usually said of that status. */
export function errorReply(status: number, message = '', options: ErrorOptions = {}): Reply {
  const title = `${status} ${REASON[status] ?? 'Error'}`;
  const html = page(title, message === '' ? (MESSAGES[status] ?? `${REASON[status]}.`) : message);
  return textReply(status, 'text/html; charset=utf-8', html, options);
}

/** A short text, which nobody may store unless `cacheControl` says otherwise. */
export function textReply(
  status: number,
  contentType: string,
  text: string | Buffer,
  options: ErrorOptions = {},
): Reply {
  const body = typeof text === 'string' ? Buffer.from(text) : text;
  const { cacheControl = 'no-store', fields = '' } = options;
  return {
    status,
    fields: bodyFields(contentType, body.length, cacheControl) + fields,
    body: options.headOnly === true ? null : body,
    cache: '',
    close: options.close === true,
    ...(options.monitoring === true && { monitoring: true }),
  };
}

/** The field lines that every body has which is not a representation with validators of its own. */
export function bodyFields(contentType: string, sizeBytes: number, cacheControl: string): string {
  return (
    `Content-Type: ${contentType}\r\nContent-Length: ${sizeBytes}\r\n` +
    `Cache-Control: ${cacheControl}\r\nX-Content-Type-Options: nosniff\r\n`
  );
}
