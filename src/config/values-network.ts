/** Hosts, addresses and origins as values of settings. */
import { isIP } from 'node:net';
import { resolve } from 'node:path';
import { hostOfSocket, MAX_SOCKET_PATH_BYTES, socketPathOf, UNIX_CLIENT } from './socket-path.js';
import type { Parsed, ValueType } from './value-type.js';
import { asBoolean, list } from './values.js';

const PORT_OR_OFF = 'a port from 0 to 65535, or off';

/** A port to listen on, or none. */
export const optionalPort: ValueType<number | 'off'> = {
  placeholder: 'PORT|off',
  accepts: PORT_OR_OFF,
  parse(text): Parsed<number | 'off'> {
    // Not `0`, which is any free port.
    if (text !== '0' && asBoolean(text) === false) return { value: 'off' };
    const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
    return port <= 65_535 ? { value: port } : { problem: `must be ${PORT_OR_OFF}` };
  },
  format: (value) => [String(value)],
};

/** RFC 1123 section 2.1; the last label must not be all digits, or it would be a broken IPv4 address. */
const HOST_NAME =
  /^(?=.{1,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*(?!\d+$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/i;

const HOST_KINDS = 'an IPv4 or IPv6 address, a host name or unix:PATH';

/** An address or a name to listen on, or `unix:` and the path of a socket, which is made absolute. */
export const host: ValueType<string> = {
  placeholder: 'ADDRESS',
  accepts: HOST_KINDS,
  parse(text, base) {
    const path = socketPathOf(text);
    if (path !== undefined) return parseSocketPath(path, base);
    if (isIP(text) !== 0 || HOST_NAME.test(text)) return { value: text };
    return { problem: `must be ${HOST_KINDS}`, hint: hostHint(text) };
  },
  format: (value) => [value],
};

function parseSocketPath(text: string, base: string): Parsed<string> {
  const hint = 'write unix:/run/handover.sock';
  if (text === '' || text.endsWith('/')) return { problem: 'unix: needs the path of a socket', hint };
  const path = resolve(base, text);
  if (Buffer.byteLength(path) > MAX_SOCKET_PATH_BYTES) {
    return { problem: `the path of a socket may have ${MAX_SOCKET_PATH_BYTES} bytes at most`, hint };
  }
  return { value: hostOfSocket(path) };
}

function hostHint(text: string): string | undefined {
  if (text === '*') return 'write 0.0.0.0 for every IPv4 address, :: for every address';
  const bracketed = /^\[(.+)\]$/.exec(text)?.[1];
  if (bracketed !== undefined && isIP(bracketed) === 6) return `write ${bracketed}, without brackets`;
  if (text.startsWith('/')) return `write unix:${text} for a Unix-domain socket`;
  if (text.includes('://')) return 'write the host only';
  return /:\d+$/.test(text) ? 'the port has a key of its own, PORT' : undefined;
}

function parseOrigin(word: string): Parsed<string> {
  const origin = word.toLowerCase();
  if (!/^[a-z][a-z0-9+.-]*:\/\/[^/?#@]+\/?$/.test(origin)) {
    return {
      problem: `${word} is no origin`,
      hint: 'write scheme, host and port only: https://example.com:8443',
    };
  }
  if (!URL.canParse(origin)) return { problem: `${word} is no origin` };
  const url = new URL(origin);
  // What browsers send in Origin: the default port left out, no slash. Other schemes have no such form.
  const isWeb = url.protocol === 'http:' || url.protocol === 'https:';
  return { value: isWeb ? url.origin : origin.replace(/\/$/, '') };
}

const originList = list({
  placeholder: 'off|*|ORIGINS',
  accepts: 'off, * or origins with spaces between them',
  empty: 'off',
  parseWord: parseOrigin,
});

/** Origins that may read responses: `['*']` for any, empty for none. */
export const origins: ValueType<readonly string[]> = {
  ...originList,
  parse(text, base) {
    const answer = asBoolean(text);
    if (answer === false) return { value: [] };
    return answer === true || text === '*' ? { value: ['*'] } : originList.parse(text, base);
  },
  switch: {
    on: '*',
    off: 'off',
    takes: (word) => word === '*' || asBoolean(word) !== undefined || word.includes('://'),
  },
};

function parseNetwork(word: string): Parsed<string> {
  if (word === UNIX_CLIENT) return { value: word };
  const [address = '', prefix, ...rest] = word.split('/');
  const family = isIP(address);
  const bits = family === 4 ? 32 : 128;
  if (family === 0 || address.includes('%') || rest.length > 0) {
    const hint = word === 'localhost' ? 'write 127.0.0.0/8 ::1' : 'write 10.0.0.0/8 or ::1';
    return { problem: `${word} is no address and no CIDR block`, hint };
  }
  if (prefix !== undefined && !(/^\d{1,3}$/.test(prefix) && Number(prefix) <= bits)) {
    return { problem: `${word} has a prefix that is not 0 to ${bits}` };
  }
  return { value: word };
}

const networkList = list({
  placeholder: 'all|none|ADDRESSES',
  accepts: 'addresses, CIDR blocks and unix: with spaces between them, all or none',
  empty: 'none',
  parseWord: parseNetwork,
});

/** Addresses, CIDR blocks and `unix:`: `['all']` for anyone, empty for nobody. */
export const networks: ValueType<readonly string[]> = {
  ...networkList,
  parse: (text, base) => (text === 'all' ? { value: ['all'] } : networkList.parse(text, base)),
};
