/** Settings: what is added to responses. */
import type { Rows } from './setting.js';
import { boolean } from './values.js';
import { origins } from './values-network.js';
import { cacheControlRules, headerRules } from './values-rules.js';

const section = 'Responses';

export const RESPONSE_ROWS: Rows<'cacheControl' | 'headers' | 'cors' | 'compress' | 'serverTiming'> = {
  cacheControl: {
    key: 'CACHE_CONTROL',
    section,
    type: cacheControlRules,
    default: 'off',
    summary: 'Cache-Control for the paths that match a pattern; may be repeated',
    details:
      'The first pattern that matches the URL path of the file (`/docs/index.html` for `/docs/`) wins; what none ' +
      'matches gets `no-cache`, so that browsers always ask whether a file has changed. The example is for files whose names change with their content.',
    example: '/assets/*.* public, max-age=31536000, immutable',
  },
  headers: {
    key: 'HEADERS',
    section,
    type: headerRules,
    default: 'off',
    summary: 'Response field for the paths that match a pattern; may be repeated',
    details:
      'Every rule whose pattern matches the URL path of the file (`/docs/index.html` for `/docs/`) applies, ' +
      'but not to errors. Content-Type takes the place of the type that goes by the ending ' +
      'of the name; there the first rule wins. Fields that say where a message ends, or that the server works out ' +
      'for each response, cannot be set.',
    example: '/** X-Frame-Options: DENY',
  },
  cors: {
    key: 'CORS',
    section,
    type: origins,
    default: 'off',
    summary: 'Origins whose pages may read responses; * for all',
    details: 'The flag may stand alone: `--cors` means `*`.',
    example: 'https://app.example.com https://example.com:8443',
  },
  compress: {
    key: 'COMPRESS',
    section,
    type: boolean,
    default: 'on',
    summary: 'Compress responses with br, zstd or gzip',
    details: 'Files beside the original (`app.js.br`, `.zst`, `.gz`) are served in either case.',
    example: 'off',
  },
  serverTiming: {
    key: 'SERVER_TIMING',
    section,
    type: boolean,
    default: 'off',
    summary: 'Add a Server-Timing field to responses',
    example: 'on',
  },
};
