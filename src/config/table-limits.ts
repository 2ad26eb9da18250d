/** Settings: the cache, the timeouts and the limits. */
import type { Rows } from './setting.js';
import { integer } from './values.js';

const DAY_SECONDS = 86_400;
const HOUR_MS = 3_600_000;

export const CACHE_ROWS: Rows<'cacheSizeMb' | 'cacheMaxFileKb' | 'cacheRevalidateMs'> = {
  cacheSizeMb: {
    key: 'CACHE_SIZE_MB',
    section: 'Cache',
    type: integer(1, 65_536),
    default: '64',
    summary: 'Size of the cache of each worker, in MB',
    details: 'The files used least recently give way first.',
    example: '256',
  },
  cacheMaxFileKb: {
    key: 'CACHE_MAX_FILE_KB',
    section: 'Cache',
    type: integer(0, 1_048_576),
    default: '1024',
    summary: 'Largest file that is kept in memory, in KB',
    details: 'Larger files are sent as they lie on disk. Not above CACHE_SIZE_MB.',
    example: '4096',
  },
  cacheRevalidateMs: {
    key: 'CACHE_REVALIDATE_MS',
    section: 'Cache',
    type: integer(0, HOUR_MS),
    default: '1000',
    summary: 'How long a cached file is served without asking the disk, in ms',
    details: 'A change on disk is seen after this time at the latest. 0 asks for each request.',
    example: '5000',
  },
};

const section = 'Timeouts and limits';

export const LIMIT_ROWS: Rows<
  | 'timeoutSeconds'
  | 'headerTimeoutSeconds'
  | 'bodyTimeoutSeconds'
  | 'writeTimeoutSeconds'
  | 'drainTimeoutSeconds'
  | 'maxUrlBytes'
  | 'maxHeaderKb'
  | 'maxBodyKb'
> = {
  timeoutSeconds: {
    key: 'TIMEOUT_SECONDS',
    section,
    type: integer(1, DAY_SECONDS),
    default: '75',
    summary: 'How long an idle connection is kept, in s',
    details: 'Behind a load balancer it should be longer than the idle timeout there, which is often 60 s.',
    example: '120',
  },
  headerTimeoutSeconds: {
    key: 'HEADER_TIMEOUT_SECONDS',
    section,
    type: integer(1, DAY_SECONDS),
    default: '30',
    summary: 'How long the head of a request may take to arrive, in s',
    example: '10',
  },
  bodyTimeoutSeconds: {
    key: 'BODY_TIMEOUT_SECONDS',
    section,
    type: integer(1, DAY_SECONDS),
    default: '30',
    summary: 'How long the body of a request may take, and a second more for each 500 bytes of it, in s',
    example: '60',
  },
  writeTimeoutSeconds: {
    key: 'WRITE_TIMEOUT_SECONDS',
    section,
    type: integer(1, DAY_SECONDS),
    default: '60',
    summary: 'How long a client may take nothing of a response, in s',
    example: '120',
  },
  drainTimeoutSeconds: {
    key: 'DRAIN_TIMEOUT_SECONDS',
    section,
    type: integer(0, DAY_SECONDS),
    default: '30',
    summary: 'How long a stop or reload waits for responses in flight, in s',
    example: '10',
  },
  maxUrlBytes: {
    key: 'MAX_URL_BYTES',
    section,
    type: integer(64, 1_048_576),
    default: '8192',
    summary: 'Longest request target, in bytes; what is longer gets 414',
    example: '4096',
  },
  maxHeaderKb: {
    key: 'MAX_HEADER_KB',
    section,
    type: integer(1, 1024),
    default: '16',
    summary: 'Largest head of a request, in KB; what is larger gets 431',
    example: '32',
  },
  maxBodyKb: {
    key: 'MAX_BODY_KB',
    section,
    type: integer(0, 1_048_576),
    default: '1024',
    summary: 'Largest body of a request, in KB; what is larger gets 413',
    example: '64',
  },
};
