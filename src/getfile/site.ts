/**
 * What the file layer says to a GetFile request. GetFile knows no redirects, so they are followed here:
 * `/docs` is answered as `/docs/`, and `/about.html` with CLEAN_URLS as `/about`.
 */
import type { Reply } from '../http/reply.js';
import type { RequestHead } from '../http/request-head.js';
import { RequestParser } from './request-parser.js';
import { requestFor } from './wire.js';

type Respond = (head: RequestHead) => Reply | Promise<Reply>;

/** More than any path needs: to the directory, and to the clean name of its index. */
const MAX_REDIRECTS = 3;
const LOCATION = /^Location: ([^\r]*)\r\n/m;

/** Answers a request. One whose redirects have no end gets the last of them, which is no file. */
export function fromSite(head: RequestHead, respond: Respond): Reply | Promise<Reply> {
  const reply = respond(head);
  return reply instanceof Promise ? follow(reply, respond) : reply;
}

/** A redirect is never at hand: it takes a look-up. */
async function follow(first: Promise<Reply>, respond: Respond): Promise<Reply> {
  let reply = await first;
  for (let left = MAX_REDIRECTS; left > 0; left--) {
    const [, path] = (reply.status === 301 && LOCATION.exec(reply.fields)) || [];
    if (path === undefined) break;
    reply = await respond(headFor(path));
  }
  return reply;
}

function headFor(path: string): RequestHead {
  const request = requestFor(path);
  const parser = new RequestParser(Number.POSITIVE_INFINITY);
  parser.feed(request, request.length);
  return parser.head;
}
