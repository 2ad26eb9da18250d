/** The primary of a cluster as the peers need it. */
import cluster from 'node:cluster';

/**
 * Forks workers of what `cluster.setupPrimary` says, and tells the parent process their port when all listen.
 * Ends the process, with all workers, when one of them ends: a peer must not be measured with fewer.
 */
export function forkWorkers(count: number): void {
  let listening = 0;
  cluster.on('listening', (_worker, { port }) => {
    listening += 1;
    if (listening === count) process.send?.({ port });
  });
  cluster.on('exit', (worker, code, signal) => {
    console.error(`worker ${worker.process.pid} ended with ${signal ?? code}`);
    process.exit(1);
  });
  for (let worker = 0; worker < count; worker++) cluster.fork();
}
