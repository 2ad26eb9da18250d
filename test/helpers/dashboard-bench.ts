/** What every test of the dashboard has around it: a browser for the file, a server and a page for each test. */
import { expect } from 'chai';
import type { Browser, Page } from 'playwright-core';
import { launchChromium } from './chromium.js';
import { Dashboard, type DashboardOptions, steadyLoad } from './dashboard.js';
import { statsDocument } from './stats-document.js';
import { StatsServer } from './stats-server.js';

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
      expect(this.dashboard.complaints).to.deep.equal([]);
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
}
