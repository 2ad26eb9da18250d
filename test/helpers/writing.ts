/** What clients of a server that can be written to do in the tests. */

import { eventually } from './eventually.js';
import type { RawResponse } from './raw-response.js';
import type { ConfSettings } from './server.js';
import { TestServer } from './server.js';

/** Everything below its document root can be written. */
export function writableServer(settings: ConfSettings = {}, mayLoseWorkers = false): Promise<TestServer> {
  return TestServer.start({ settings: { WRITABLE: 'on', ...settings }, mayLoseWorkers });
}

export function put(
  server: TestServer,
  target: string,
  body: string,
  fields: Readonly<Record<string, string>> = {},
): Promise<RawResponse> {
  return server.request(
    'PUT',
    target,
    { 'Content-Length': String(Buffer.byteLength(body)), ...fields },
    body,
  );
}

/** Waits until something is so. */
export function until(isSo: () => boolean | Promise<boolean>, what: () => string): Promise<true> {
  return eventually(async () => ((await isSo()) ? true : undefined), what);
}

/** JSON for `/.handover/locks`. */
export function askForLock(server: TestServer, lock: object): Promise<RawResponse> {
  const body = JSON.stringify(lock);
  const fields = { 'Content-Type': 'application/json', 'Content-Length': String(body.length) };
  return server.request('POST', '/.handover/locks', fields, body);
}
