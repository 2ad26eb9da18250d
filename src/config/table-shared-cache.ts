/** Settings: the cache that all workers share. */
import type { Rows } from './setting.js';
import { integer } from './values.js';
import { socketPath } from './values-paths.js';

const section = 'Proxy';

export const SHARED_CACHE_ROWS: Rows<
  'sharedCacheMb' | 'sharedCacheSegments' | 'sharedCacheSegmentKb' | 'sharedCacheSocket'
> = {
  sharedCacheMb: {
    key: 'SHARED_CACHE_MB',
    section,
    type: integer(0, 1_048_576),
    default: '64',
    summary: 'Size of the cache that all workers share, in MB; 0: there is none',
    details:
      'In shared memory (/dev/shm), written by a process of its own, which is started when PROXY is set. One half is for ' +
      'objects of up to 1 MB, which workers read without asking anybody, one for larger ones. Where there is less shared ' +
      'memory (64 MB in a container of Docker, if --shm-size says nothing else), three quarters of what is free are taken. ' +
      'Changed by a restart, not by a reload.',
    example: '512',
  },
  sharedCacheSegments: {
    key: 'SHARED_CACHE_SEGMENTS',
    section,
    type: integer(1, 4096),
    default: '32',
    summary: 'Segments of shared memory of each worker: large objects that it can send or store at once',
    details:
      'They are made when they are needed. Whoever finds none for a second does without the shared cache.',
    example: '64',
  },
  sharedCacheSegmentKb: {
    key: 'SHARED_CACHE_SEGMENT_KB',
    section,
    type: integer(4, 65_536),
    default: '256',
    summary: 'Size of a segment, in KB: what is passed at a time',
    example: '1024',
  },
  sharedCacheSocket: {
    key: 'SHARED_CACHE_SOCKET',
    section,
    type: socketPath,
    default: '',
    summary: 'Socket of a cache process that was started by `handover cached`',
    details:
      'Nothing set: the server starts one of its own and ends it; `handover cached` listens at `cache.sock` in the ' +
      'run-time directory of the user. With a path both use that one, and either may be started first.',
    example: '/run/handover/cache.sock',
  },
};
