/** Using the dashboard: keyboard and pointer, screen readers, themes, widths, motion, and a quiet page. In Chromium. */

import { expect } from 'chai';
import { until } from '../helpers/chromium.js';
import { steadyLoad } from '../helpers/dashboard.js';
import { DashboardBench } from '../helpers/dashboard-bench.js';
import { statsDocument, workerStats } from '../helpers/stats-document.js';

describe('dashboard in use', () => {
  const bench = new DashboardBench();

  const background = () =>
    bench.dashboard.evaluate<string>('getComputedStyle(document.body).backgroundColor');
  const [LIGHT, DARK] = ['rgb(243, 245, 248)', 'rgb(13, 16, 21)'];

  describe('controls', () => {
    it('reaches every control by Tab, in the order of the page', async () => {
      const page = await bench.open();
      const names: string[] = [];
      for (let i = 0; i < 14; i++) {
        await page.keyboard.press('Tab');
        names.push(
          await bench.dashboard.evaluate<string>(`(() => {
          const { activeElement: at } = document;
          return at.getAttribute('aria-label') ?? at.closest('label')?.textContent.trim() ?? at.textContent.replace(/\\s+/g, ' ').trim();
        })()`),
        );
      }
      expect(names).to.deep.equal([
        'Skip to the figures',
        '5 min',
        'Pause',
        'Theme: Auto',
        'Requests, chart',
        'Latency, chart',
        'Responses per second, chart',
        'Bytes sent, chart',
        'Cache hit ratio, chart',
        'Active connections, chart',
        'Table of workers',
        'Events since the page was opened, latest first',
        'stats.json',
        'statFile.txt',
      ]);
    });

    it('pauses and goes on by keyboard, and shows the pause as a gap', async () => {
      const page = await bench.open();
      await bench.dashboard.seconds(2);
      await page.locator('#pause').focus();
      await page.keyboard.press('Space');
      expect(await bench.dashboard.text('#status')).to.equal('Paused. The figures stay as they were.');
      expect(await page.getByRole('button', { name: 'Resume' }).getAttribute('aria-pressed')).to.equal(
        'true',
      );
      const asked = bench.server.requests.length;
      await bench.dashboard.seconds(5);
      expect(bench.server.requests.length, 'no request while paused').to.equal(asked);
      await page.keyboard.press('Enter');
      await bench.dashboard.settled();
      await bench.dashboard.seconds(2);
      expect(await bench.dashboard.text('#status')).to.equal('Live, every second.');
      expect((await bench.dashboard.samples()).map((sample) => sample.mark)).to.deep.equal([
        '',
        '',
        '',
        'pause',
        '',
        '',
      ]);
      const gaps = await bench.dashboard.evaluate<{ text: string }[]>('handoverDashboard.view.gaps');
      expect(gaps.map((gap) => gap.text)).to.deep.equal(['paused']);
    });

    it('chooses the time shown by arrow keys and remembers it', async () => {
      const page = await bench.open();
      const shownMs = async (): Promise<number> => {
        await page.clock.runFor(50);
        return Number(await bench.dashboard.evaluate('handoverDashboard.view.spanMs'));
      };
      expect(await shownMs(), 'at least a minute').to.equal(60_000);
      // One document in ten seconds: what there is to be shown is as long, and soon there.
      steadyLoad(bench.server, statsDocument({ intervalMs: 10_000 }), 1000, 10);
      for (let i = 0; i < 10; i++) await bench.dashboard.run(10_000);
      expect(await shownMs(), 'what there is').to.be.within(90_000, 110_000);
      await page.getByRole('radio', { name: '5 min', exact: true }).focus();
      await page.keyboard.press('ArrowLeft');
      expect(await shownMs(), 'no more than was chosen').to.equal(60_000);
      for (let i = 0; i < 3; i++) await page.keyboard.press('ArrowRight');
      expect(await shownMs(), 'all').to.be.within(90_000, 110_000);
      await page.reload();
      expect(await page.getByRole('radio', { name: 'All' }).isChecked()).to.equal(true);
    });

    it('reads values by arrow keys, aloud and in the card', async () => {
      const page = await bench.open();
      await bench.dashboard.seconds(4);
      await page.locator('#chart-requests .plot').focus();
      await page.keyboard.press('ArrowLeft');
      await page.clock.runFor(20);
      expect(await bench.dashboard.evaluate('document.getElementById("spoken").textContent')).to.match(
        /^12:00:0\d: 1,000 req\/s$/,
      );
      expect(await bench.dashboard.text('#chart-latency .when'), 'all charts read the same moment').to.match(
        /^12:00:0\d$/,
      );
      const newest = await bench.dashboard.text('#chart-requests .when');
      await page.keyboard.press('Home');
      await page.clock.runFor(20);
      const oldest = await bench.dashboard.text('#chart-requests .when');
      expect(oldest < newest, `${oldest} before ${newest}`).to.equal(true);
      expect(await bench.dashboard.text('#chart-requests .readout')).to.equal('1,000 req/s');
      await page.keyboard.press('Escape');
      await page.clock.runFor(20);
      expect(await bench.dashboard.text('#chart-requests .when')).to.equal('');
      expect(await bench.dashboard.text('#chart-requests .readout')).to.equal(
        'Mean 1,000 req/s Peak 1,000 req/s',
      );
    });

    it('reads values under the pointer', async () => {
      const page = await bench.open();
      await page.getByText('1 min', { exact: true }).click();
      await bench.dashboard.seconds(30);
      const box = await page.locator('#chart-classes .plot').boundingBox();
      if (!box) throw new Error('the chart has no box');
      await page.mouse.move(box.x + box.width - 80, box.y + 40);
      await page.clock.runFor(20);
      expect(await bench.dashboard.text('#chart-classes .when')).to.match(/^12:00:\d\d$/);
      expect(await bench.dashboard.text('#chart-classes .readout')).to.equal('2xx 900 3xx 0 4xx 100 5xx 0');
      await page.mouse.move(box.x + 70, box.y + 40);
      await page.clock.runFor(20);
      expect(await bench.dashboard.text('#chart-classes .when'), 'before the page was opened').to.equal(
        'no figures',
      );
    });
  });

  describe('theme', () => {
    it('follows the system until told otherwise, and remembers', async () => {
      const page = await bench.open({ colorScheme: 'dark' });
      expect(await background()).to.equal(DARK);
      await page.emulateMedia({ colorScheme: 'light' });
      await until(page, `document.documentElement.dataset.theme === 'light'`);
      expect(await background()).to.equal(LIGHT);
      const button = page.getByRole('button', { name: /^Theme/ });
      await button.click();
      await button.press('Enter');
      expect(await button.textContent()).to.contain('Dark');
      expect(await background()).to.equal(DARK);
      await page.reload();
      expect(await background()).to.equal(DARK);
    });

    it('works where storage is forbidden', async () => {
      const page = await bench.open({
        before: `Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('no', 'SecurityError'); } })`,
      });
      await page.getByRole('button', { name: /^Theme/ }).click();
      await page.getByText('15 min').click();
      expect(await bench.dashboard.text('#status')).to.equal('Live, every second.');
    });
  });

  describe('access', () => {
    for (const colorScheme of ['light', 'dark'] as const) {
      it(`has nothing that axe objects to (${colorScheme}; live, and with the server gone)`, async () => {
        await bench.open({ colorScheme });
        await bench.dashboard.seconds(3);
        expect(await bench.violations(), 'live').to.deep.equal([]);
        await bench.server.stop();
        await bench.dashboard.seconds(3);
        expect(await bench.violations(), 'gone').to.deep.equal([]);
      });
    }

    it('gives each chart a text alternative that follows the figures', async () => {
      const page = await bench.open();
      await bench.dashboard.seconds(12);
      for (const [name, text] of [
        ['Requests', 'last 5 min: now 1,000 req/s, lowest 1,000 req/s, highest 1,000 req/s.'],
        ['Latency', 'p50 now 0.40 ms, lowest 0.40 ms, highest 0.40 ms; p90 now 1.20 ms'],
        ['Cache hit ratio', 'now 75.0 %'],
      ]) {
        expect(
          await page.getByRole('img', { name: new RegExp(`^${name},`) }).getAttribute('aria-label'),
        ).to.contain(text);
      }
    });

    it('announces changes of state and nothing else', async () => {
      await bench.open();
      await bench.dashboard.evaluate(`(() => {
        globalThis.announced = [];
        for (const node of document.querySelectorAll('[role=status], [role=alert], [aria-live]')) {
          new MutationObserver(() => announced.push(node.textContent)).observe(node, { childList: true, characterData: true, subtree: true });
        }
      })()`);
      await bench.dashboard.seconds(8);
      expect(await bench.dashboard.evaluate('announced')).to.deep.equal([]);
      bench.server.statFile = bench.server.document = () => ({ status: 403, body: '' });
      await bench.dashboard.seconds(8);
      expect(await bench.dashboard.evaluate<string[]>('announced')).to.have.length(1);
    });

    it('does not glide when motion is to be reduced', async () => {
      await bench.open({ reducedMotion: 'reduce' });
      await bench.dashboard.seconds(2);
      const drawn = await bench.dashboard.evaluate<number>('handoverDashboard.view.t1');
      await bench.dashboard.page.clock.runFor(900);
      expect(await bench.dashboard.evaluate<number>('handoverDashboard.view.t1')).to.equal(drawn);
      expect(await bench.dashboard.evaluate('handoverDashboard.view.smooth')).to.equal(false);
    });
  });

  describe('layout', () => {
    const large = statsDocument({
      requests: { total: 987_654_321_987, perSecond: 1_234_567 },
      bytes: { sent: 9e15, sentPerSecond: 9e10, received: 9e15 },
      workers: Array.from({ length: 16 }, (_, i) =>
        workerStats(i + 1, { requests: 61_728_395_124, rssBytes: 9e9 }),
      ),
    });

    for (const width of [320, 360, 768, 1181, 1400, 1920]) {
      it(`never scrolls sideways at ${width} px`, async () => {
        steadyLoad(bench.server, large, 1_234_567);
        const page = await bench.open({ viewport: { width, height: 800 } });
        await bench.dashboard.seconds(2);
        expect(await bench.overflow(), 'live').to.equal(0);
        await bench.server.stop();
        await bench.dashboard.seconds(2);
        expect(await bench.overflow(), 'gone').to.equal(0);
        const banner = await page.locator('#banner').boundingBox();
        expect(banner?.y, 'the banner is in sight').to.be.within(0, 800 - (banner?.height ?? 800));
      });
    }

    for (const width of [360, 1400, 1920]) {
      it(`moves nothing when figures and messages change at ${width} px`, async () => {
        const page = await bench.open({ viewport: { width, height: 1000 } });
        await bench.dashboard.seconds(1);
        await page.screenshot(); // A frame of the browser's own clock: what the first figures moved is behind us.
        // The unit after a large figure, the banner with its message and older events may move; what is around them may not.
        await bench.dashboard.evaluate(`(() => {
          globalThis.shifts = [];
          const element = (node) => (node?.nodeType === Node.TEXT_NODE ? node.parentElement : node);
          new PerformanceObserver((list) => {
            for (const { node } of list.getEntries().flatMap((entry) => entry.sources)) {
              if (!element(node)?.closest('.now, #banner, #events')) shifts.push(element(node)?.outerHTML.slice(0, 120));
            }
          }).observe({ type: 'layout-shift' });
        })()`);
        steadyLoad(bench.server, { ...large, workers: large.workers.slice(0, 4) }, 7);
        await bench.dashboard.seconds(3);
        await bench.server.stop();
        await bench.dashboard.seconds(3);
        await page.screenshot();
        expect(await bench.dashboard.evaluate('shifts')).to.deep.equal([]);
      });
    }

    for (const width of [1400, 1920]) {
      it(`shows the whole table of workers at ${width} px`, async () => {
        steadyLoad(bench.server, large, 1_234_567);
        await bench.open({ viewport: { width, height: 1000 } });
        const cut = `[...document.querySelectorAll('th, td, .scroll')].filter((cell) => cell.scrollWidth > cell.clientWidth).map((cell) => cell.textContent)`;
        expect(await bench.dashboard.evaluate(cut)).to.deep.equal([]);
      });
    }

    it('draws at the resolution of the screen', async () => {
      await bench.open({ deviceScaleFactor: 2 });
      const [bitmap, shown] = await bench.dashboard.evaluate<[number, number]>(
        `(({ width, clientWidth }) => [width, clientWidth])(document.querySelector('canvas'))`,
      );
      expect(bitmap).to.equal(shown * 2);
    });
  });

  describe('the rest of the site', () => {
    it('has a start page and an error page without fault', async () => {
      const page = await bench.open();
      for (const path of ['/', '/404.html']) {
        await page.goto(bench.server.origin + path);
        expect(await bench.violations(), path).to.deep.equal([]);
      }
      await page.goto(`${bench.server.origin}/`);
      await page.getByRole('link', { name: 'Open the live dashboard' }).click();
      expect(new URL(page.url()).pathname).to.equal('/statsPage.html');
    });
  });
});
