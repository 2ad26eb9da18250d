/**
 * The directory listing in a real browser: what its script adds, and that its policy lets it.
 */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import type { Browser, Page } from 'playwright-core';
import { lookup } from '../../src/files/lookup.js';
import { launchChromium } from '../helpers/chromium.js';
import { SiteTree } from '../helpers/site-tree.js';

describe('listing page in a browser', () => {
  let site: SiteTree;
  let server: Server;
  let browser: Browser;
  let page: Page;
  let address: string;
  const troubles: string[] = [];

  before(async () => {
    site = new SiteTree();
    site.file('docs/b10.txt', 'x'.repeat(5));
    site.file('docs/b9.txt', 'x'.repeat(2000));
    site.file('docs/a.txt', '');
    site.file('docs/<img src=x onerror=alert(1)> & "é\n.txt', 'odd');
    site.directory('docs/sub');
    site.touch('docs/b10.txt', 2_000_000);
    site.touch('docs/b9.txt', 1_000_000);
    site.touch('docs/a.txt', 3_000_000);
    server = createServer((request, response) => {
      const found = lookup({ rawPath: request.url! }, site.rules({ autoindex: true }));
      if (found.kind === 'listing') {
        response.setHeader('Content-Type', 'text/html; charset=utf-8');
        response.end(found.html);
      } else if (found.kind === 'file') response.end(found.variants[0]!.body);
      else response.writeHead(204).end(); // the icon that a browser asks for beside a plain file
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    browser = await launchChromium();
  });
  after(async () => {
    await browser?.close();
    server.close();
    site.remove();
  });

  beforeEach(async () => {
    troubles.length = 0;
    page = await browser.newPage();
    page.on('console', (message) => troubles.push(message.text()));
    page.on('pageerror', (error) => troubles.push(error.message));
    page.on('dialog', (dialog) => troubles.push(dialog.message()));
    await page.goto(`${address}/docs/`);
  });
  afterEach(async () => {
    expect(troubles).to.deep.equal([]);
    await page.close();
  });

  /** Names in the rows that are shown, in order. */
  const shown = () => page.locator('#entries tr:visible td:first-child').allInnerTexts();
  const ODD = '<img src=x onerror=alert(1)> & "é000A.txt';

  it('sorts by each column, directories first, and tells assistive technology', async () => {
    expect(await shown()).to.deep.equal(['sub/', ODD, 'a.txt', 'b9.txt', 'b10.txt']);
    const sorted = (name: string) => page.getByRole('columnheader', { name }).getAttribute('aria-sort');
    expect(await sorted('Name')).to.equal('ascending');
    await page.getByRole('button', { name: 'Name' }).click();
    expect(await shown()).to.deep.equal(['sub/', 'b10.txt', 'b9.txt', 'a.txt', ODD]);
    expect(await sorted('Name')).to.equal('descending');
    await page.getByRole('button', { name: 'Size' }).click();
    expect(await shown()).to.deep.equal(['sub/', 'b9.txt', 'b10.txt', ODD, 'a.txt']);
    expect([await sorted('Size'), await sorted('Name')]).to.deep.equal(['descending', null]);
    await page.getByRole('button', { name: 'Modified' }).focus();
    await page.keyboard.press('Enter');
    await page.keyboard.press('Enter');
    expect(await sorted('Modified')).to.equal('ascending');
    expect((await shown()).slice(0, 4)).to.deep.equal(['sub/', 'b9.txt', 'b10.txt', 'a.txt']);
  });

  it('filters as one types, from the keyboard alone', async () => {
    const status = page.getByRole('status');
    expect(await status.textContent()).to.equal('1 folder · 4 files · 2.0 kB');
    await page.keyboard.press('/');
    await page.keyboard.type('B TXT');
    expect(await shown()).to.deep.equal(['b9.txt', 'b10.txt']);
    expect(await status.textContent()).to.equal('2 of 5 shown');
    await page.keyboard.type('zzz');
    expect(await shown()).to.deep.equal([]);
    expect(await page.getByText('No name matches.').isVisible()).to.equal(true);
    await page.keyboard.press('Escape');
    expect(await shown()).to.have.length(5);
    await page.keyboard.type('b9');
    await page.keyboard.press('Enter');
    await page.waitForURL('**/docs/b9.txt');
  });

  it('links to odd names, up, and back along the path', async () => {
    await page.getByText('onerror').click();
    expect(await page.locator('body').textContent()).to.equal('odd');
    await page.goBack();
    await page.getByText('sub').click();
    await page.waitForURL('**/docs/sub/');
    expect(await page.getByText('This directory is empty.').isVisible()).to.equal(true);
    await page.getByRole('link', { name: 'Parent directory' }).click();
    await page.waitForURL('**/docs/');
    await page.getByRole('navigation').getByRole('link', { name: 'Home' }).click();
    await page.waitForURL(`${address}/`);
  });

  for (const [colorScheme, width] of [
    ['light', 1200],
    ['dark', 320],
  ] as const) {
    it(`fits ${width} px, ${colorScheme}`, async () => {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height: 700 });
      const sizes = 'document.documentElement.scrollWidth <= document.documentElement.clientWidth';
      expect(await page.evaluate<boolean>(sizes)).to.equal(true);
      const background = await page.evaluate<string>('getComputedStyle(document.body).backgroundColor');
      expect(background).to.equal(colorScheme === 'dark' ? 'rgb(15, 20, 27)' : 'rgb(246, 247, 249)');
    });
  }

  it('is whole without its script', async () => {
    const context = await browser.newContext({ javaScriptEnabled: false });
    const plain = await context.newPage();
    await plain.goto(`${address}/docs/`);
    expect(await plain.locator('#entries tr').count()).to.equal(5);
    expect(await plain.getByRole('searchbox').count()).to.equal(0);
    expect(await plain.getByRole('button').count()).to.equal(0);
    expect(await plain.getByRole('row', { name: 'b9.txt' }).textContent()).to.match(
      /2\.0 kB1970-01-12 13:46/,
    );
    await context.close();
  });
});
