/** node:http in node:cluster, as node-cluster.ts has it. */
import { fileURLToPath } from 'node:url';
import type { Contender } from './contender.js';

export const nodeCluster: Contender = {
  name: 'node-cluster',
  title: 'node:http in node:cluster',
  about:
    'files read at the start and kept for ever; no conditional requests, ranges, compression, logs or ' +
    'statistics (`bench/servers/node-cluster.ts`)',
  find: () => ({ present: true, version: process.version.slice(1) }),
  launch: ({ site, port, workers }) => ({
    command: process.execPath,
    args: [fileURLToPath(new URL('node-cluster.js', import.meta.url)), site, String(port), String(workers)],
  }),
};
