/** Entry of a cache process that a master has started: wiring only. `handover cached` is the same without a master. */
import { messageOf } from '../errors.js';
import { CacheServer } from './cache-server.js';
import { type CacheProcessMessage, type CacheStartMessage, VERSION } from './process-protocol.js';

let server: CacheServer | undefined;

// What a terminal sends to the whole group is the master's to act on.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'] as const) {
  process.on(signal, () => undefined);
}

process.once('message', (message) => void boot(message as CacheStartMessage));

process.on('disconnect', () => {
  server?.close();
  process.exit(0);
});

async function boot({ socketPath, maxBytes }: CacheStartMessage): Promise<void> {
  try {
    server = await CacheServer.start({
      socketPath,
      maxBytes,
      root: undefined,
      report: (text) => send({ v: VERSION, kind: 'report', text }),
    });
    send({ v: VERSION, kind: 'ready' });
  } catch (error) {
    send({ v: VERSION, kind: 'failed', reason: messageOf(error) }, () => process.exit(1));
  }
}

function send(message: CacheProcessMessage, sent: () => void = () => undefined): void {
  if (process.connected) process.send!(message, undefined, {}, sent);
  else sent();
}
