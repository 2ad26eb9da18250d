/** The static servers people get from npm, each forked with node:cluster, which they do not do by themselves. */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { PEERS } from '../paths.js';
import type { Contender, LaunchTask } from './contender.js';

interface NpmServer {
  readonly name: string;
  /** Its program, in its package. */
  readonly program: string;
  readonly about: string;
  readonly args: (task: LaunchTask) => readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** True: started with port 0, since it moves to another port when another worker has the one it was given. */
  readonly anyPort?: boolean;
}

const SERVERS: readonly NpmServer[] = [
  {
    name: 'serve',
    program: 'build/main.js',
    about: 'as by default',
    args: ({ site, accessLog }) => [
      ...['--listen', 'tcp://127.0.0.1:0', '--no-clipboard'],
      ...(accessLog ? [] : ['--no-request-logging']),
      site,
    ],
    env: { NO_UPDATE_CHECK: '1' },
    anyPort: true,
  },
  {
    name: 'sirv-cli',
    program: 'bin.js',
    about: 'lists the directory when it starts and never looks again; `--etag`',
    args: ({ site, port, accessLog }) => [
      ...[site, '--host', '127.0.0.1', '--port', String(port), '--etag'],
      ...(accessLog ? [] : ['--quiet']),
    ],
  },
  {
    name: 'http-server',
    program: 'bin/http-server',
    about: 'as by default',
    args: ({ site, port, accessLog }) => [
      ...[site, '-a', '127.0.0.1', '-p', String(port)],
      ...(accessLog ? [] : ['--silent']),
    ],
  },
];

export const npmServers: readonly Contender[] = SERVERS.map((server) => {
  const { name, program, about, args, env = {}, anyPort = false } = server;
  const directory = `${PEERS}/${name}`;
  return {
    name,
    title: name,
    about: `${about}; forked with node:cluster`,
    find() {
      const file = `${directory}/package.json`;
      return existsSync(file)
        ? { present: true, version: String(JSON.parse(readFileSync(file, 'utf8')).version) }
        : { present: false, remedy: 'npm ci --prefix bench/peers' };
    },
    launch: (task) => ({
      command: process.execPath,
      args: [
        fileURLToPath(new URL('forked.js', import.meta.url)),
        String(task.workers),
        `${directory}/${program}`,
        ...args(task),
      ],
      env,
      reportsPort: anyPort,
    }),
  };
});
