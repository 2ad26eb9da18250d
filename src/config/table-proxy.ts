/** Settings: the proxy. */
import type { Rows } from './setting.js';
import { integer } from './values.js';
import { proxyRules } from './values-proxy.js';

const section = 'Proxy';

export const PROXY_ROWS: Rows<
  | 'proxy'
  | 'proxyTimeoutSeconds'
  | 'proxyConnectTimeoutSeconds'
  | 'proxyMaxBodyMb'
  | 'proxyMaxConnections'
  | 'proxyCacheMb'
  | 'proxyCacheMaxObjectKb'
  | 'proxyCacheStaleSeconds'
> = {
  proxy: {
    key: 'PROXY',
    section,
    type: proxyRules,
    default: 'off',
    summary: 'Answer paths below a prefix from other servers',
    details:
      'One line for each prefix; the longest that fits wins, and a prefix ends where a segment of the path does. ' +
      'A URL without a path is asked for the same path, one with a path for that in place of the prefix. ' +
      'Several URLs take turns, and stand in for one that cannot be reached. Everything else is served from DOCUMENT_ROOT.',
    example: '/api http://127.0.0.1:9000',
  },
  proxyTimeoutSeconds: {
    key: 'PROXY_TIMEOUT_SECONDS',
    section,
    type: integer(1, 86_400),
    default: '60',
    summary: 'How long an upstream may be silent, in s',
    details: 'Before its response: 504. Within it the response is cut.',
    example: '300',
  },
  proxyConnectTimeoutSeconds: {
    key: 'PROXY_CONNECT_TIMEOUT_SECONDS',
    section,
    type: integer(1, 3600),
    default: '5',
    summary: 'How long connecting to an upstream may take, in s',
    details: 'Then the next one is tried; 504 when there is none.',
    example: '2',
  },
  proxyMaxBodyMb: {
    key: 'PROXY_MAX_BODY_MB',
    section,
    type: integer(0, 1_048_576),
    default: '0',
    summary: 'Largest request body that is passed on, in MB; 0: no bound',
    details: 'More is answered 413. Bodies are passed on as they come and held nowhere.',
    example: '100',
  },
  proxyMaxConnections: {
    key: 'PROXY_MAX_CONNECTIONS',
    section,
    type: integer(1, 65_536),
    default: '256',
    summary: 'Connections of each worker to one upstream',
    details: 'Requests beyond that wait for one that is free.',
    example: '64',
  },
  proxyCacheMb: {
    key: 'PROXY_CACHE_MB',
    section,
    type: integer(0, 1_048_576),
    default: '64',
    summary: 'Memory of each worker for answers of upstreams, in MB; 0: none is stored',
    details:
      'What may be stored, and for how long, is for the upstream to say (RFC 9111): see proxy-cache.md.',
    example: '256',
  },
  proxyCacheMaxObjectKb: {
    key: 'PROXY_CACHE_MAX_OBJECT_KB',
    section,
    type: integer(1, 1_048_576),
    default: '4096',
    summary: 'Largest answer of an upstream that is stored, in KB',
    details: 'Larger ones are passed on as they come.',
    example: '65536',
  },
  proxyCacheStaleSeconds: {
    key: 'PROXY_CACHE_STALE_SECONDS',
    section,
    type: integer(0, 31_536_000),
    default: '60',
    summary: 'How stale an answer may be that stands in for an upstream which does not answer, in s',
    details:
      'Where the answer says nothing of that itself (stale-if-error), and does not forbid it (must-revalidate).',
    example: '3600',
  },
};
