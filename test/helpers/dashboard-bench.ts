/** What every test of the dashboard has around it: a browser for the file, a server and a page for each test. */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { expect } from 'chai';
import type { Browser, Page } from 'playwright-core';
import { launchChromium } from './chromium.js';
import { Dashboard, type DashboardOptions, steadyLoad } from './dashboard.js';
import { statsDocument } from './stats-document.js';
import { StatsServer } from './stats-server.js';

interface AxeResult {
  readonly id: string;
  readonly help: string;
  readonly nodes: readonly { readonly html: string }[];
}

export class DashboardBench {
  server!: StatsServer;
  dashboard!: Dashboard;
  #browser: Browser | undefined;

  /** Sets up the hooks of the suite it is called in. */
  constructor() {
    before(async () => {
      this.#browser = await launchChromium();
    });
    after(() => this.#browser?.close());
    beforeEach(async () => {
      this.server = new StatsServer();
      await this.server.start();
      steadyLoad(this.server, statsDocument());
    });
    afterEach(async () => {
      await this.dashboard?.close();
      await this.server.stop();
      expect(this.dashboard?.complaints ?? []).to.deep.equal([]);
    });
  }

  async open(options?: DashboardOptions): Promise<Page> {
    this.dashboard = await Dashboard.open(this.#browser!, this.server, options);
    return this.dashboard.page;
  }

  status(): Promise<string> {
    return this.dashboard.text('#status');
  }

  headline(chart: string): Promise<string> {
    return this.dashboard.text(`#chart-${chart} .now`);
  }

  state(): Promise<string> {
    return this.dashboard.evaluate<string>('handoverDashboard.state');
  }

  /** What axe objects to. */
  async violations(): Promise<string[]> {
    const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
    await this.dashboard.evaluate(`{${axe}}`);
    // axe waits by timers, and the clock of the page stands still.
    const running = this.dashboard.evaluate<AxeResult[]>('axe.run().then((result) => result.violations)');
    const pump = setInterval(() => void this.dashboard.page.clock.runFor(10), 20);
    const found = await running.finally(() => clearInterval(pump));
    return found.map(
      ({ id, help, nodes }) => `${id}: ${help} (${nodes.map((node) => node.html).join(', ')})`,
    );
  }

  /** By how many pixels the page is wider than its window. */
  overflow(): Promise<number> {
    return this.dashboard.evaluate<number>(
      'document.documentElement.scrollWidth - document.documentElement.clientWidth',
    );
  }
}
