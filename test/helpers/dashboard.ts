/**
 * The dashboard in a browser, under a clock that stands still: a test sends the figures, moves time and reads
 * what the page says. Whatever the page must never do (ask another origin, throw, log an error) is collected.
 */
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import type { StatsDocument } from '../../src/stats/schema.js';
import { until } from './chromium.js';
import { later, statFile } from './stats-document.js';
import { StatsServer } from './stats-server.js';

export const START = Date.parse('2026-03-01T12:00:00Z');
const HOUR_MS = 3_600_000;

export interface DashboardOptions extends BrowserContextOptions {
  /** Run in the page before its own scripts. */
  readonly before?: string;
}

export class Dashboard {
  readonly server = new StatsServer();
  /** Uncaught errors, console errors and warnings, and requests to other origins. */
  readonly complaints: string[] = [];
  readonly page: Page;

  private constructor(page: Page, server: StatsServer) {
    this.page = page;
    this.server = server;
    page.on('pageerror', (error) => this.complaints.push(`uncaught: ${error.message}`));
    page.on('console', (message) => {
      // The browser itself reports answers that failed; whether they may is for the test to say.
      const ofBrowser = message.text().startsWith('Failed to load resource');
      if (!ofBrowser && ['error', 'warning'].includes(message.type())) this.complaints.push(message.text());
    });
    page.on('request', (request) => {
      const url = new URL(request.url());
      if (url.protocol !== 'data:' && url.origin !== server.origin) this.complaints.push(`asked ${url.href}`);
    });
  }

  /** Opens the page in a context of its own; `server` is set up by the caller. */
  static async open(
    browser: Browser,
    server: StatsServer,
    options: DashboardOptions = {},
  ): Promise<Dashboard> {
    const { before, ...rest } = options;
    const context = await browser.newContext({
      viewport: { width: 1400, height: 900 },
      timezoneId: 'UTC',
      ...rest,
    });
    const page = await context.newPage();
    if (before) await page.addInitScript(before);
    // Until it is paused it runs, however long that takes: nobody looks at it before the page is there.
    await page.clock.install({ time: START - HOUR_MS });
    await page.clock.pauseAt(START);
    const dashboard = new Dashboard(page, server);
    await page.goto(`${server.origin}/statsPage.html`);
    await dashboard.settled();
    return dashboard;
  }

  /** Moves time on by `ms` and waits until the page has taken in the answers of the poll this caused, if it did. */
  async run(ms: number): Promise<void> {
    await this.page.clock.fastForward(ms);
    await this.settled();
  }

  /** `seconds` polls, one a second. */
  async seconds(seconds: number): Promise<void> {
    for (let i = 0; i < seconds; i++) await this.run(1000);
  }

  /** Waits until no poll is under way, and draws a frame. */
  async settled(): Promise<void> {
    await until(this.page, '!handoverDashboard.polling');
    await this.page.clock.runFor(20);
  }

  evaluate<T>(expression: string): Promise<T> {
    return this.page.evaluate<T>(expression);
  }

  /** The text of the first element that matches, as a reader sees it. */
  async text(selector: string): Promise<string> {
    // Not textContent: the rendered text has spaces between the cells.
    const text = await this.page.locator(selector).first().innerText();
    return text.replace(/\s+/g, ' ').trim();
  }

  /** The page's last samples, newest last. */
  samples(): Promise<Sample[]> {
    return this.evaluate<Sample[]>('handoverDashboard.samples');
  }

  async close(): Promise<void> {
    await this.page.context().close();
  }
}

/** A point of the charts; rates are per second, null where there is no figure. */
export interface Sample {
  readonly t: number;
  readonly mark: string;
  readonly rps: number | null;
  readonly bps: number | null;
  readonly connections: number;
  readonly a: number | null;
  readonly c: number | null;
  readonly p99: number | null;
  readonly hit: number | null;
}

/** Serves `document` and, each time both files have been asked for, the same `seconds` later. */
export function steadyLoad(
  server: StatsServer,
  document: StatsDocument,
  perSecond = 1000,
  seconds = 1,
): void {
  let next = document;
  server.serve(() => {
    const now = next;
    next = later(now, seconds, perSecond);
    return now;
  });
}

/** Serves the same, unchanging figures. */
export function still(server: StatsServer, document: StatsDocument): void {
  server.statFile = () => ({ body: statFile(document) });
  server.document = () => ({ body: JSON.stringify(document) });
}
