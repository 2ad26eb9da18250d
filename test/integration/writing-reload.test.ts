/** Settings of writing over reloads: the arbiter stays what it was when it began. */
import { existsSync, mkdirSync } from 'node:fs';
import { expect } from 'chai';
import type { TestServer } from '../helpers/server.js';
import { put, writableServer } from '../helpers/writing.js';

describe('writing over reloads', () => {
  let server: TestServer;
  before(async () => {
    server = await writableServer({ TOKEN_TTL_SECONDS: '10' });
  });
  after(() => server?.stop());

  it('keeps its root and its leases, also when it was off for a while', async () => {
    const elsewhere = server.directory.at('elsewhere');
    mkdirSync(elsewhere);
    await server.reload({ WRITABLE: 'off' });
    expect((await put(server, '/a', 'x')).status).to.equal(405);
    await server.reload({ WRITABLE: 'on', TOKEN_TTL_SECONDS: '60', DOCUMENT_ROOT: elsewhere });
    await server.reported(/TOKEN_TTL_SECONDS is changed by a restart, not by a reload/);
    await server.reported(/DOCUMENT_ROOT is changed by a restart where WRITABLE is on, not by a reload/);
    expect((await put(server, '/a', 'x')).status).to.equal(201);
    expect(existsSync(server.site.at('a'))).to.equal(true);
    expect(existsSync(`${elsewhere}/a`)).to.equal(false);
  });
});
