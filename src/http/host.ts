/**
 * The Host field (RFC 9110 section 7.2) and the authority of an absolute-form target: is it one?
 */
import { isIPv6 } from 'node:net';

/** `reg-name` without comma, which covers IPv4 too; unrolled, so that it cannot backtrack. */
const NAME = "(?!:|$)[\\w.~!$&'()*+;=-]*(?:%[\\dA-Fa-f]{2}[\\w.~!$&'()*+;=-]*)*";
/** `uri-host [ ":" port ]`: 1 is what stands in brackets, to be checked further; 2 is the port. */
const HOST = new RegExp(`^(?:${NAME}|\\[([^\\]]+)\\])(?::(\\d{0,5}))?$`);
const IP_FUTURE = /^v[\da-f]+\.[\w.~!$&'()*+;=:-]+$/i;

/**
 * Whether the value is a host with an optional port (RFC 3986 section 3.2.2). An empty host is not, and
 * neither is anything with user information, white space or a port above 65535; the port may be empty.
 *
 * Stricter than the grammar in two points. A comma is refused: no name on any network has one, and it is
 * what joins two Host lines into one when an intermediary is careless. An IPv6 address may not carry a
 * zone, which means something only on the client's own machine (RFC 6874).
 */
export function isValidHost(value: string): boolean {
  const match = HOST.exec(value);
  if (match === null) return false;
  const [, literal, port] = match;
  if (port !== undefined && Number(port) > 65535) return false;
  return literal === undefined || isAddressLiteral(literal);
}

function isAddressLiteral(literal: string): boolean {
  return IP_FUTURE.test(literal) || (isIPv6(literal) && !literal.includes('%'));
}
