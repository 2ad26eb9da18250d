/** Proxies in front of one origin, and that origin: nginx, which has static files to be kept and the same not to be kept. */
import { HANDOVER_MAIN } from '../paths.js';
import type { Contender } from './contender.js';
import { variant } from './handover.js';
import { nginx, nginxLaunch } from './nginx.js';

/** Answers `/kept/…` for an hour, and `/passed/…` for this once. */
export const origin: Contender = {
  ...nginx,
  name: 'origin',
  title: 'origin',
  about: 'one worker, files below `/kept/` with `max-age=3600`, below `/passed/` with `no-store`',
  launch: (task) =>
    nginxLaunch(task, {
      workers: 1,
      server: `
    location /kept/ {
      alias ${task.site}/;
      add_header Cache-Control max-age=3600;
    }
    location /passed/ {
      alias ${task.site}/;
      add_header Cache-Control no-store;
    }`,
    }),
};

/** nginx with `proxy_cache`, as its documentation sets it up, and connections to the origin that are kept. */
export function nginxProxy(originPort: number): Contender {
  return {
    ...nginx,
    name: 'nginx',
    title: 'nginx',
    about: '`proxy_cache` on disk, `keepalive 64` to the origin',
    launch: (task) =>
      nginxLaunch(task, {
        workers: task.workers,
        http: `
  proxy_cache_path ${task.workDirectory}/cache levels=1:2 keys_zone=all:16m max_size=256m use_temp_path=off;
  upstream origin {
    server 127.0.0.1:${originPort};
    keepalive 64;
  }`,
        server: `
    location / {
      proxy_pass http://origin;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_cache all;
      proxy_cache_lock on;
    }`,
      }),
  };
}

/** handover as a proxy, with further flags. */
export function handoverProxy(name: string, originPort: number, flags: readonly string[]): Contender {
  return variant(name, HANDOVER_MAIN, ['--proxy', `/ http://127.0.0.1:${originPort}`, ...flags]);
}
