/** The dashboard of a real server in a real browser: that page, files and figures fit together. */
import { expect } from 'chai';
import type { Browser } from 'playwright-core';
import { launchChromium, until } from '../helpers/chromium.js';
import { TestServer } from '../helpers/server.js';

describe('dashboard of a running server', () => {
  let server: TestServer;
  let browser: Browser;
  before(async () => {
    server = await TestServer.start();
    server.site.file('a.txt', 'alpha');
    browser = await launchChromium();
  });
  after(async () => {
    await browser?.close();
    await server?.stop();
  });

  it('is live, shows what was counted, and asks nobody else', async () => {
    const page = await browser.newPage();
    const complaints: string[] = [];
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
    page.on('request', (request) => {
      if (!request.url().startsWith(server.origin)) complaints.push(request.url());
    });
    for (let n = 0; n < 20; n++) await server.get('/a.txt');
    // The twenty, and the page itself.
    await page.goto(`${server.origin}/statsPage.html`);
    await until(page, `/^Live/.test(document.querySelector('#status').textContent)`);
    await until(page, `/Requests\\s*21\\D/.test(document.querySelector('#figures').textContent)`);
    const rows = await page.locator('#worker-rows tr').allTextContents();
    expect(rows).to.have.length(2);
    for (const pid of server.workerPids()) expect(rows.join('\n')).to.include(String(pid));
    expect(complaints).to.deep.equal([]);
  });
});
