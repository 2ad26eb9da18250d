/** A cache process for tests that kill it or stop it. Its options are JSON in the first argument. */
import { CacheServer, type CacheServerOptions } from '../../src/shared-cache/cache-server.js';

const options = JSON.parse(process.argv[2]!) as Omit<CacheServerOptions, 'report'>;
const server = await CacheServer.start({
  ...options,
  root: options.root,
  report: (text) => void process.stderr.write(`${text}\n`),
});
process.on('disconnect', () => {
  server.close();
  process.exit();
});
process.send?.('ready');
