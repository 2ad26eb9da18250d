/**
 * Runs a node program that listens by itself in several workers: `forked.js WORKERS PROGRAM [ARGUMENT...]`.
 * Node:cluster makes its listen() share one port; the program need not know.
 */
import cluster from 'node:cluster';
import { forkWorkers } from './fork-workers.js';

const [workers, exec, ...args] = process.argv.slice(2);
if (exec === undefined) throw new Error('usage: forked.js WORKERS PROGRAM [ARGUMENT...]');
cluster.setupPrimary({ exec, args });
forkWorkers(Number(workers));
