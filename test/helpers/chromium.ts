/**
 * The browser for tests and pictures: Debian's chromium, driven by playwright-core. It owns finding and starting
 * the browser, and the error that says what is missing.
 */
import { accessSync, constants } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { type Browser, chromium, type Page } from 'playwright-core';

const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** Starts the browser, headless. Throws with what to do when there is none; `CHROMIUM` names another place. */
export async function launchChromium(): Promise<Browser> {
  const asked = process.env.CHROMIUM;
  const executablePath = (asked ? [asked] : PLACES).find(isExecutable);
  if (executablePath === undefined) {
    const tried = asked ? `${asked} (from CHROMIUM)` : PLACES.join(', ');
    throw new Error(
      `no Chromium to test the dashboard with: tried ${tried}; install it (apt-get install chromium) or set CHROMIUM`,
    );
  }
  return chromium.launch({ executablePath, args: ['--no-sandbox', '--font-render-hinting=none'] });
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false; // Not here, or not ours to run: the next place is tried.
  }
}

/**
 * Waits until an expression is true in the page. Playwright's `waitForFunction` would need `eval`, which the
 * page's Content-Security-Policy forbids. The test's own timeout is the limit.
 */
export async function until(page: Page, expression: string): Promise<void> {
  while (!(await page.evaluate<boolean>(expression))) await delay(5);
}
