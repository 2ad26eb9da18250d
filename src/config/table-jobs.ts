/** Settings: jobs, whose parts many clients send. */
import type { Rows } from './setting.js';
import { integer } from './values.js';
import { optionalPort } from './values-network.js';
import { pathOrOff } from './values-paths.js';
import { bearerToken } from './values-secrets.js';

const section = 'Jobs';

export const JOB_ROWS: Rows<
  | 'jobsDir'
  | 'jobsPort'
  | 'jobsToken'
  | 'jobsReducer'
  | 'jobsMax'
  | 'jobsMaxParts'
  | 'jobsMaxPartMb'
  | 'jobsMaxJobMb'
  | 'jobsIdleSeconds'
  | 'jobsThreads'
> = {
  jobsDir: {
    key: 'JOBS_DIR',
    section,
    type: pathOrOff,
    default: 'off',
    summary: 'Directory for the parts and results of jobs; it turns jobs on',
    details:
      'Many clients stream parts of many jobs, and each job is put together: [jobs.md](jobs.md). The directory is made ' +
      'when it is missing. It must not be what DOCUMENT_ROOT serves. One server at a time may use it. It is turned on and ' +
      'off by a reload, but another one takes a restart.',
    example: '/var/lib/handover/jobs',
  },
  jobsPort: {
    key: 'JOBS_PORT',
    section,
    type: optionalPort,
    default: 'off',
    summary: 'Port for parts without HTTP, as from nc; 0 picks a free one',
    details:
      'On the address in HOST, beside the plain PORT: one line, then the bytes of a part, as [jobs.md](jobs.md) ' +
      'describes. When it is taken, the server ends.',
    example: '3002',
  },
  jobsToken: {
    key: 'JOBS_TOKEN',
    section,
    type: bearerToken,
    default: 'off',
    summary: 'What clients must show to send and see jobs; off: everybody may',
    details:
      'Over HTTP in `Authorization: Bearer TOKEN` or as the password of basic authentication, on JOBS_PORT as ' +
      '`token=TOKEN` in the first line. Better in the environment or a file that only the server can read than on the command line, which everybody on the machine sees.',
    example: '2YotnFZFEjr1zCsicMWpAA',
    isSecret: true,
  },
  jobsReducer: {
    key: 'REDUCER',
    section,
    type: pathOrOff,
    default: 'off',
    summary: 'JavaScript module that puts together the jobs with the reducer `module`',
    details: 'An ES module; what it exports stands in [jobs.md](jobs.md).',
    example: './reduce.js',
  },
  jobsMax: {
    key: 'JOBS_MAX',
    section,
    type: integer(1, 1_000_000),
    default: '1000',
    summary: 'Jobs that may be there at once, done ones too',
    details:
      'One more is refused with 429 (`too-many-jobs`): remove those whose results were fetched. Where several workers ' +
      'make the last one in the same moment, there may be as many more.',
    example: '10000',
  },
  jobsMaxParts: {
    key: 'JOBS_MAX_PARTS',
    section,
    type: integer(1, 10_000_000),
    default: '100000',
    summary: 'Parts that a job may have',
    details: 'One more is refused with 413 (`too-many-parts`). Those on their way count.',
    example: '1000',
  },
  jobsMaxPartMb: {
    key: 'JOBS_MAX_PART_MB',
    section,
    type: integer(1, 1_048_576),
    default: '1024',
    summary: 'Size of a part, in MB',
    details:
      'A larger one is refused with 413 (`part-too-large`), before it comes where its length was told.',
    example: '64',
  },
  jobsMaxJobMb: {
    key: 'JOBS_MAX_JOB_MB',
    section,
    type: integer(1, 16_777_216),
    default: '10240',
    summary: 'Size of all parts of a job together, in MB',
    details:
      'A part that is too much is refused with 413 (`job-too-large`). Parts that are on their way count, with what ' +
      'was announced of them or has come.',
    example: '102400',
  },
  jobsIdleSeconds: {
    key: 'JOBS_IDLE_SECONDS',
    section,
    type: integer(1, 86_400),
    default: '300',
    summary: 'How long a client may send nothing in the middle of a part, in seconds',
    details:
      'In place of BODY_TIMEOUT_SECONDS: what is piped in may pause for as long as a step of a build takes.',
    example: '3600',
  },
  jobsThreads: {
    key: 'JOBS_THREADS',
    section,
    type: integer(1, 128),
    default: '2',
    summary: 'Threads of each worker for reducers',
    details:
      'So many for built-in reducers, and as many for REDUCER, are started as they are needed. A job is in one thread at a time; ' +
      'several jobs in one thread take turns. A job that holds its thread up for a second keeps it for itself, and the others go on ' +
      'in another one: up to four times as many threads more.',
    example: '4',
  },
};
