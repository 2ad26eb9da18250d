/** nginx with a configuration, a prefix and temporary files of its own. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import type { Contender, Launch, LaunchTask } from './contender.js';

const PROGRAM = 'nginx';
/** Debian keeps it out of an ordinary user's PATH. */
const SEARCH_PATH = `${process.env.PATH ?? ''}:/usr/local/sbin:/usr/sbin:/usr/local/nginx/sbin`;

export const nginx: Contender = {
  name: 'nginx',
  title: 'nginx',
  about:
    '`sendfile`, `tcp_nopush`, `open_file_cache` also for what is not there, no limit of requests on a connection',
  find() {
    const { stderr, status } = spawnSync(PROGRAM, ['-v'], {
      encoding: 'utf8',
      env: { ...process.env, PATH: SEARCH_PATH },
    });
    const version = status === 0 ? /nginx\/(\S+)/.exec(stderr)?.[1] : undefined;
    return version === undefined
      ? { present: false, remedy: 'apt-get install nginx-light, or your system’s package of that kind' }
      : { present: true, version };
  },
  launch: (task) =>
    nginxLaunch(task, {
      workers: task.workers,
      http: `
  open_file_cache max=1000 inactive=60s;
  open_file_cache_valid 1s;
  open_file_cache_errors on;`,
      server: `
    root ${task.site};`,
    }),
};

/** What one nginx has of its own. */
interface Own {
  readonly workers: number;
  /** Lines of the block `http`. */
  readonly http?: string;
  /** Lines of the block `server`. */
  readonly server: string;
}

/** Starts nginx, configured for the benchmark and with lines of one's own. */
export function nginxLaunch(task: LaunchTask, own: Own): Launch {
  const { workDirectory } = task;
  const file = `${workDirectory}/nginx.conf`;
  writeFileSync(file, configuration(task, own));
  return {
    command: PROGRAM,
    args: ['-p', workDirectory, '-c', file, '-e', 'stderr'],
    env: { PATH: SEARCH_PATH },
  };
}

/**
 * As much work as handover's: the access log is written in chunks of as many bytes and as often, files are looked
 * at again as often, what is not there is remembered too and not written into a second log.
 *
 * Started by root, its workers would become a user who may not read the site in a private directory.
 */
function configuration(
  { workDirectory, port, accessLog }: LaunchTask,
  { workers, http = '', server }: Own,
): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  return `daemon off;
${process.getuid?.() === 0 ? 'user root;' : ''}
worker_processes ${workers};
pid ${workDirectory}/nginx.pid;
error_log stderr warn;
events {
  worker_connections 16384;
}
http {
${temporary.map((name) => `  ${name}_temp_path ${workDirectory}/${name};`).join('\n')}
  types {
    text/plain txt;
  }
  access_log ${accessLog ? `${workDirectory}/access.log combined buffer=64k flush=500ms` : 'off'};
  sendfile on;
  tcp_nopush on;
  keepalive_timeout 75s;
  keepalive_requests 1000000000;
  log_not_found off;${http}
  server {
    listen 127.0.0.1:${port} backlog=4096;${server}
  }
}
`;
}
