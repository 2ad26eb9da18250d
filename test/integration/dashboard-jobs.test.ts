/** Jobs on the dashboard: shown where the server takes them. In Chromium. */
import { expect } from 'chai';
import { still } from '../helpers/dashboard.js';
import { DashboardBench } from '../helpers/dashboard-bench.js';
import { jobStats, jobsStats, later, statsDocument } from '../helpers/stats-document.js';

const MB = 1024 * 1024;
const LONG_NAME = 'n'.repeat(200);

/** A document with these jobs. */
const withJobs = (...[list, changes]: Parameters<typeof jobsStats>) =>
  statsDocument({ jobs: jobsStats(list, changes) });

const some = withJobs(
  [
    jobStats('render-7'),
    jobStats('logs', { expectedParts: null, parts: 1200, reducer: 'lines', bytesPerSecond: 0, receiving: 0 }),
    jobStats('sweep', { state: 'sealed', parts: 200, bytes: 30 * MB, reducedBytes: 30 * MB }),
    jobStats(LONG_NAME, { state: 'failed', reducer: 'merge-json', bytes: 0, reducedBytes: 0 }),
  ],
  { open: 2, sealed: 1, failed: 1 },
);

describe('jobs on the dashboard', function () {
  this.timeout(30_000);
  const bench = new DashboardBench();
  const isShown = () => bench.dashboard.page.locator('#jobs').isVisible();

  /** The text of the cells, row by row. */
  async function cells(): Promise<string[][]> {
    const rows = await bench.dashboard.page.locator('#job-rows tr').all();
    return Promise.all(rows.map((row) => row.locator('th, td').allTextContents()));
  }

  /** How far the bars of a row are filled, in percent; null where there is none. */
  function bars(row: number): Promise<(number | null)[]> {
    return bench.dashboard.evaluate(`[...document.querySelectorAll('#job-rows tr')[${row}].querySelectorAll('i')].map((bar) =>
      getComputedStyle(bar).display === 'none' ? null : Math.round(100 * parseFloat(getComputedStyle(bar, '::before').width) / bar.clientWidth))`);
  }

  it('are not there where the server takes none', async () => {
    await bench.open();
    expect(await isShown()).to.equal(false);
  });

  it('are listed with their state, progress and rate', async () => {
    still(bench.server, some);
    await bench.open();
    expect(await cells()).to.deep.equal([
      ['render-7', 'open', 'concat', '50 of 200', '15.0 MB of 20.0 MB', '1.00 MB/s', '4'],
      ['logs', 'open', 'lines', '1,200', '15.0 MB of 20.0 MB', '0 B/s', '0'],
      ['sweep', 'sealed', 'concat', '200 of 200', '30.0 MB of 30.0 MB', '1.00 MB/s', '4'],
      [LONG_NAME, 'failed', 'merge-json', '50 of 200', '0 B of 0 B', '1.00 MB/s', '4'],
    ]);
    expect(await bars(0)).to.deep.equal([25, 75]);
    expect(await bars(1), 'nobody has said how many parts there will be').to.deep.equal([null, 75]);
    expect(await bars(2)).to.deep.equal([100, 100]);
    expect(await bars(3)).to.deep.equal([25, 0]);
    expect(await bench.dashboard.text('#jobs .head')).to.equal(
      'Jobs 2 open, 1 sealed, 0 done, 1 failed · 1,500 parts, 70.0 MB · 12 connections, 3.00 MB/s',
    );
  });

  it('come and go with the figures', async () => {
    still(bench.server, withJobs([jobStats('a'), jobStats('b')]));
    await bench.open();
    still(bench.server, later(withJobs([jobStats('b', { state: 'done', parts: 200 })]), 1));
    await bench.dashboard.seconds(1);
    expect((await cells()).map((row) => row.slice(0, 2))).to.deep.equal([['b', 'done']]);
    still(bench.server, later(withJobs([]), 2));
    await bench.dashboard.seconds(1);
    expect(await isShown(), 'none yet, but they are taken').to.equal(true);
    still(bench.server, later(statsDocument(), 3));
    await bench.dashboard.seconds(1);
    expect(await isShown(), 'a reload has switched them off').to.equal(false);
  });

  it('are more than are listed', async () => {
    still(bench.server, withJobs([jobStats('a')], { done: 1234 }));
    await bench.open();
    expect(await bench.dashboard.text('#jobs-sum')).to.match(/ · 1 of 1,235 shown$/);
  });

  it('are noted when they fail', async () => {
    still(bench.server, withJobs([jobStats('a'), jobStats('old', { state: 'failed' })]));
    await bench.open();
    const failed = [jobStats('a', { state: 'failed' }), jobStats('old', { state: 'failed' })];
    still(bench.server, later(withJobs(failed), 1));
    await bench.dashboard.seconds(2);
    const events = await bench.dashboard.text('#events');
    expect(events).to.match(/Job a has failed\./);
    expect(events).not.to.match(/old/);
    expect(events.match(/has failed/g), 'once').to.have.lengthOf(1);
  });

  it('have names that are text, whatever they hold', async () => {
    still(bench.server, withJobs([jobStats('<img src=x onerror=alert(1)>')]));
    await bench.open();
    expect((await cells())[0]![0]).to.equal('<img src=x onerror=alert(1)>');
    expect(await bench.dashboard.page.locator('#jobs img').count()).to.equal(0);
  });

  it('are refused when they make no sense', async () => {
    still(bench.server, withJobs([jobStats('a', { reducedBytes: -1 })]));
    await bench.open();
    expect(await bench.status()).to.contain(
      'stats.json is wrong: jobs.list[0].reducedBytes is -1, which is negative',
    );
    still(bench.server, statsDocument({ jobs: { ...jobsStats([]), list: null as never } }));
    await bench.dashboard.seconds(2);
    expect(await bench.status()).to.contain('jobs.list is not a list');
  });

  for (const colorScheme of ['light', 'dark'] as const) {
    it(`have nothing that axe objects to (${colorScheme}; live, and with the server gone)`, async () => {
      still(bench.server, some);
      await bench.open({ colorScheme });
      expect(await bench.violations(), 'live').to.deep.equal([]);
      await bench.server.stop();
      await bench.dashboard.seconds(3);
      expect(await bench.violations(), 'gone').to.deep.equal([]);
    });
  }

  for (const width of [320, 360, 768, 1400, 1920]) {
    it(`keep the page as wide as its window at ${width} px`, async () => {
      const many = Array.from({ length: 50 }, (_, i) =>
        jobStats(`${LONG_NAME}${i}`, {
          parts: 99_999,
          expectedParts: 100_000,
          bytes: 9e15,
          reducedBytes: 8e15,
        }),
      );
      still(bench.server, withJobs(many));
      const page = await bench.open({ viewport: { width, height: 1000 } });
      expect(await bench.overflow()).to.equal(0);
      const box = await page.locator('#jobs').boundingBox();
      // What stands above the list is as high as the machine's fonts make it.
      const list = await page.locator('#jobs .scroll').boundingBox();
      expect(list!.height, 'many jobs scroll within their card').to.be.at.most(320);
      // The names are long and are cut; figures may not be.
      const cut = `[...document.querySelectorAll('#jobs td, #jobs thead th')].filter((cell) => cell.scrollWidth > cell.clientWidth).map((cell) => cell.textContent)`;
      expect(await bench.dashboard.evaluate(cut)).to.deep.equal([]);
      // The list below is beside nothing that is above it.
      const events = await page.locator('.happened').boundingBox();
      expect(events!.y, 'events are below the jobs').to.be.above(box!.y + box!.height - 1);
    });
  }
});
