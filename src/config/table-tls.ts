/** Settings: TLS and HTTP/2. */
import type { Rows } from './setting.js';
import type { TlsRedirect } from './settings.js';
import type { Parsed, ValueType } from './value-type.js';
import { asBoolean, integer } from './values.js';
import { path } from './values-paths.js';

const section = 'TLS and HTTP/2';

/** Off, on, or the port that clients are sent to. */
const redirect: ValueType<TlsRedirect> = {
  placeholder: 'off|on|PORT',
  accepts: 'off, on or the port that clients are sent to',
  parse(text): Parsed<TlsRedirect> {
    const answer = asBoolean(text);
    if (answer !== undefined) return { value: answer ? 'on' : 'off' };
    const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
    return port >= 1 && port <= 65_535 ? { value: port } : { problem: `must be ${redirect.accepts}` };
  },
  format: (value) => [String(value)],
  switch: {
    on: 'on',
    off: 'off',
    takes: (word) => asBoolean(word) !== undefined || /^\d{1,5}$/.test(word),
  },
};

export const TLS_ROWS: Rows<'tlsCert' | 'tlsKey' | 'tlsPort' | 'tlsRedirect'> = {
  tlsCert: {
    key: 'TLS_CERT',
    section,
    type: path({ '': '' }),
    default: '',
    summary: 'File with the certificate; with TLS_KEY it turns TLS on',
    details:
      'PEM: the certificate of the site, then those between it and the root. Read at the start and on every reload, ' +
      'so that a renewed certificate takes effect with `handover reload`. Clients choose HTTP/2 or HTTP/1.1; TLS 1.2 is the oldest version spoken.',
    example: '/etc/letsencrypt/live/example.com/fullchain.pem',
  },
  tlsKey: {
    key: 'TLS_KEY',
    section,
    type: path({ '': '' }),
    default: '',
    summary: 'File with the private key of the certificate',
    details: 'PEM, without a passphrase. It is never served, wherever it lies.',
    example: '/etc/letsencrypt/live/example.com/privkey.pem',
  },
  tlsPort: {
    key: 'TLS_PORT',
    section,
    type: integer(0, 65_535),
    default: '3443',
    summary: 'Port for https; 0 picks a free one',
    details: 'On the address in HOST, beside the plain PORT. When it is taken, the server ends.',
    example: '443',
  },
  tlsRedirect: {
    key: 'TLS_REDIRECT',
    section,
    type: redirect,
    default: 'off',
    summary: 'Send clients of the plain port to https',
    details:
      'With 301, or 308 where the method is neither GET nor HEAD, to TLS_PORT, or to the port that stands here when ' +
      'clients reach TLS_PORT under another number. The health check, the statistics and the dashboard are still ' +
      'answered on the plain port.',
    example: '443',
  },
};
