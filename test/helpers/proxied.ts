/** A server that passes everything on to an origin which does what a test says. */
import { RawOrigin } from './raw-origin.js';
import { type ConfSettings, TestServer } from './server.js';

export interface Proxied {
  readonly origin: RawOrigin;
  readonly server: TestServer;
}

/** One worker, so that what a test does comes to one process, and one thread, for no files are sent; `settings` over that. */
export async function startProxied(settings: ConfSettings = {}): Promise<Proxied> {
  const origin = await RawOrigin.start();
  try {
    const own = { NUM_WORKERS: '1', THREADS_PER_WORKER: '1', PROXY: `/ ${origin.url}` };
    return { origin, server: await TestServer.start({ settings: { ...own, ...settings } }) };
  } catch (error) {
    // Nobody else knows of it, and it would keep the tests from ending.
    await origin.stop();
    throw error;
  }
}
