/** Settings: what the server tells about itself, and how it is reached by its operator. */
import type { Rows } from './setting.js';
import { choice, integer } from './values.js';
import { networks } from './values-network.js';
import { path, urlPath } from './values-paths.js';

const section = 'Logs, statistics and control';

export const OPERATION_ROWS: Rows<
  'logFile' | 'logFormat' | 'statsFile' | 'statsIntervalMs' | 'statsAllow' | 'healthPath' | 'pidFile'
> = {
  logFile: {
    key: 'LOG_FILE',
    section,
    type: path({ '-': '-', off: '' }),
    default: '-',
    summary: 'Access log: a path, - for standard output, or off',
    details: 'Reopened on SIGUSR1, so that it can be rotated.',
    example: '/var/log/handover/access.log',
  },
  logFormat: {
    key: 'LOG_FORMAT',
    section,
    type: choice(['combined', 'json']),
    default: 'combined',
    summary: 'Format of the access log',
    details: '`combined` is what Apache and nginx write by that name; `json` is an object on each line.',
    example: 'json',
  },
  statsFile: {
    key: 'STATS_FILE',
    section,
    type: path({ '': '' }),
    default: '',
    summary: 'File for the six numbers of the statistics',
    details:
      'stats.json is written beside it. Nothing set: both lie in the run-time directory of the user, and the ' +
      'dashboard finds them all the same.',
    example: './www/statFile.txt',
  },
  statsIntervalMs: {
    key: 'STATS_INTERVAL_MS',
    section,
    type: integer(20, 3_600_000),
    default: '1000',
    summary: 'How often the statistics are written, in ms',
    example: '5000',
  },
  statsAllow: {
    key: 'STATS_ALLOW',
    section,
    type: networks,
    default: '127.0.0.0/8 ::1',
    summary: 'Who may see the statistics',
    details:
      'By the address that connects; `all` is anyone, `none` is nobody. Clients of a Unix-domain socket have no ' +
      'address, and are often a proxy through which anybody comes: they may not, unless `unix:` is in the list. Behind a proxy on this machine everybody ' +
      'comes from 127.0.0.1: write `none` there, or let the proxy keep the paths of the statistics to itself. The ' +
      'page of the dashboard holds no numbers and is for everybody.',
    example: '127.0.0.0/8 ::1 10.0.0.0/8',
  },
  healthPath: {
    key: 'HEALTH_PATH',
    section,
    type: urlPath(),
    default: '/healthz',
    summary: 'Path of the health check, which is not logged or counted; or off',
    example: '/up',
  },
  pidFile: {
    key: 'PID_FILE',
    section,
    type: path({ '': '' }),
    default: '',
    summary: 'File by which stop, reload and status find the server',
    details:
      'Line 1 is the process id, line 2 the path of stats.json. Nothing set: `PORT.pid` in `$XDG_RUNTIME_DIR/handover`, ' +
      'or in `handover-UID` in the directory for temporary files; with a Unix-domain socket `unix:PATH.pid`, where ' +
      '`%2F` stands for each `/`.',
    example: '/run/handover.pid',
  },
};
