/** Settings: where the server listens, what it serves, and with how many processes. */
import { availableParallelism } from 'node:os';
import type { Rows } from './setting.js';
import { boolean, choice, integer } from './values.js';
import { host, optionalPort } from './values-network.js';
import { path } from './values-paths.js';

const section = 'Network and processes';

export const PROCESS_ROWS: Rows<
  | 'port'
  | 'host'
  | 'getfilePort'
  | 'backlog'
  | 'documentRoot'
  | 'numWorkers'
  | 'threadsPerWorker'
  | 'maxConnections'
  | 'maxQueueSize'
  | 'transport'
  | 'deferAccept'
> = {
  port: {
    key: 'PORT',
    section,
    type: integer(0, 65_535),
    default: '3000',
    summary: 'Port to listen on; 0 picks a free one',
    details:
      'When the default port is taken, the next free one is used and the start banner says so. A port that was ' +
      'asked for is never replaced: when it is taken, the server names the process that has it and ends.',
    example: '8080',
  },
  host: {
    key: 'HOST',
    section,
    type: host,
    default: '0.0.0.0',
    summary: 'Address to listen on',
    details:
      '`0.0.0.0` is every IPv4 address, `::` every address, `127.0.0.1` this machine only. A name is looked up ' +
      'once, and of several addresses the first is taken. `unix:PATH` is a Unix-domain socket: PORT is not used ' +
      'then, and TLS is for the proxy in front. The socket gets the mode 0666, as with nginx: who may connect, the ' +
      'permissions of its directory say. One that a killed server left is replaced; one that somebody answers on, ' +
      'or a file of another kind, never is. What is started by socket activation uses the sockets it was given ' +
      'instead of HOST and PORT.',
    example: 'unix:/run/handover.sock',
  },
  getfilePort: {
    key: 'GETFILE_PORT',
    section,
    type: optionalPort,
    default: 'off',
    summary: 'Port for the GetFile protocol; 0 picks a free one',
    details:
      'On the address in HOST, beside the plain PORT: the same files by another protocol, which is described in ' +
      '[getfile.md](getfile.md). When it is taken, the server ends.',
    example: '3001',
  },
  backlog: {
    key: 'BACKLOG',
    section,
    type: integer(1, 65_535),
    default: '4096',
    summary: 'Connections that the kernel keeps until they are accepted',
    details:
      'The kernel takes no more than `net.core.somaxconn` says, without a word. Holds for sockets that are bound or ' +
      'inherited from then on: a reload leaves it as it is where the address stays.',
    example: '1024',
  },
  documentRoot: {
    key: 'DOCUMENT_ROOT',
    section,
    type: path(),
    default: './www',
    defaultWithoutFile: '.',
    summary: 'Directory to serve',
    details:
      'The same as DIR on the command line. Without a configuration file the default is the current directory.',
    example: '/srv/www',
  },
  numWorkers: {
    key: 'NUM_WORKERS',
    section,
    type: integer(1, 512, { auto: { value: availableParallelism(), words: 'one for each core' } }),
    default: 'auto',
    summary: 'Worker processes',
    example: '4',
  },
  threadsPerWorker: {
    key: 'THREADS_PER_WORKER',
    section,
    type: integer(1, 128),
    default: '4',
    summary: 'Threads of each worker, for reading and compressing files',
    example: '8',
  },
  maxConnections: {
    key: 'MAX_CONNECTIONS',
    section,
    type: integer(1, 1_000_000),
    default: '16384',
    summary: 'Open connections, all workers together',
    details: 'Each takes a file descriptor: `ulimit -n` must allow for them.',
    example: '50000',
  },
  maxQueueSize: {
    key: 'MAX_QUEUE_SIZE',
    section,
    type: integer(1, 1_000_000),
    default: '1024',
    summary: 'Connections that may wait in the master while every worker is full',
    details:
      'What comes on top of them waits with the kernel; on the portable transport it is answered with 503.',
    example: '4096',
  },
  transport: {
    key: 'TRANSPORT',
    section,
    type: choice(['auto', 'native', 'portable']),
    default: 'auto',
    summary: 'How connections reach the workers',
    details:
      '`native` passes descriptors in batches and serves them with epoll and sendfile: for Linux on x64 and arm64, ' +
      'and several times faster where each request has a connection of its own. `portable` passes sockets over ' +
      'the IPC channel of node:cluster, and runs everywhere. `auto` picks `native` where it can be had. Changed ' +
      'by a restart, not by a reload.',
    example: 'portable',
  },
  deferAccept: {
    key: 'DEFER_ACCEPT',
    section,
    type: boolean,
    default: 'on',
    summary: 'Accept a connection when its first bytes are there',
    details:
      'TCP_DEFER_ACCEPT, what nginx calls `deferred`: a connection with a single request costs a sixth less. One ' +
      'that says nothing is accepted after about a second. Only with the native transport, and not by a reload.',
    example: 'off',
  },
};
