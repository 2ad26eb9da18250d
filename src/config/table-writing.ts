/** Settings: writing files over HTTP, and the tokens that guard them. */
import { refusePattern } from './glob.js';
import type { Rows } from './setting.js';
import type { ValueType } from './value-type.js';
import { asBoolean, boolean, integer } from './values.js';
import { bearerToken } from './values-secrets.js';

const section = 'Writing';

const EVERYTHING = ['/**'];

/** Patterns of paths that may be written; `off` is none, `on` all. */
const writablePaths: ValueType<readonly string[]> = {
  placeholder: 'off|on|PATTERNS',
  accepts: 'off, on, or patterns such as /upload/** with spaces between them',
  parse(text) {
    const answer = asBoolean(text);
    if (answer !== undefined) return { value: answer ? EVERYTHING : [] };
    const patterns = text.split(/[\s,]+/).filter((part) => part !== '');
    if (patterns.length === 0) return { problem: `must be ${writablePaths.accepts}` };
    for (const pattern of patterns) {
      const refusal = refusePattern(pattern);
      if (refusal !== undefined) return refusal;
    }
    return { value: [...new Set(patterns)] };
  },
  format: (value) => [
    value.length === 0 ? 'off' : value.join(' ') === EVERYTHING.join(' ') ? 'on' : value.join(' '),
  ],
  switch: { on: 'on', off: 'off', takes: (word) => asBoolean(word) !== undefined || word.startsWith('/') },
};

export const WRITING_ROWS: Rows<
  'writable' | 'webdav' | 'writeToken' | 'writeMaxMb' | 'tokenTtlSeconds' | 'tokenWaitSeconds'
> = {
  writable: {
    key: 'WRITABLE',
    section,
    type: writablePaths,
    default: 'off',
    summary: 'Paths that clients may write: off, on, or patterns',
    details:
      'PUT, DELETE, MOVE, COPY and MKCOL: [writing.md](writing.md). Without WRITE_TOKEN only clients on ' +
      'the loopback interface, or on a Unix-domain socket, may write. The server keeps what it needs for this in ' +
      '`.handover` in DOCUMENT_ROOT, which it never serves.',
    example: '/upload/** /notes/*.md',
  },
  webdav: {
    key: 'WEBDAV',
    section,
    type: boolean,
    default: 'off',
    summary: 'Speak WebDAV (classes 1 and 2), so that what can be written can be mounted',
    details: 'PROPFIND, PROPPATCH, LOCK and UNLOCK: [webdav.md](webdav.md). WRITABLE says where.',
    example: 'on',
  },
  writeToken: {
    key: 'WRITE_TOKEN',
    section,
    type: bearerToken,
    default: 'off',
    summary: 'What clients must show to write; off: see WRITABLE',
    details:
      'In `Authorization: Bearer TOKEN` or as the password of basic authentication. Better in the environment or a file that only the server can read than on the command line, which everybody on the machine sees.',
    example: '2YotnFZFEjr1zCsicMWpAA',
    isSecret: true,
  },
  writeMaxMb: {
    key: 'WRITE_MAX_MB',
    section,
    type: integer(0, 16_777_216),
    default: '0',
    summary: 'Largest body that a client may write, in MB; 0: no bound',
    details: 'More is answered 413, at once where its length was told.',
    example: '1024',
  },
  tokenTtlSeconds: {
    key: 'TOKEN_TTL_SECONDS',
    section,
    type: integer(2, 300),
    default: '5',
    summary: 'After how long without a sign of life others get the tokens of a process, in s',
    details:
      'How long a write may have to wait for a worker that has died or stands still: [writing.md](writing.md).',
    example: '10',
  },
  tokenWaitSeconds: {
    key: 'TOKEN_WAIT_SECONDS',
    section,
    type: integer(0, 3600),
    default: '10',
    summary: 'How long a request waits for a file that others are writing, in s',
    details: 'Then it is answered 423 with Retry-After. Reading never waits.',
    example: '30',
  },
};
