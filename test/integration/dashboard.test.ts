/** The dashboard's figures: what it shows, and what it says when they are missing, wrong or begin anew. In Chromium. */
import { expect } from 'chai';
import type { Browser } from 'playwright-core';
import { launchChromium, until } from '../helpers/chromium.js';
import { Dashboard, type DashboardOptions, steadyLoad, still } from '../helpers/dashboard.js';
import { later, statFile, statsDocument, workerStats } from '../helpers/stats-document.js';
import { type Answer, StatsServer } from '../helpers/stats-server.js';

describe('dashboard', function () {
  this.timeout(30_000);
  let browser: Browser;
  let server: StatsServer;
  let dashboard: Dashboard;

  before(async () => {
    browser = await launchChromium();
  });
  after(() => browser?.close());
  beforeEach(async () => {
    server = new StatsServer();
    await server.start();
    steadyLoad(server, statsDocument());
  });
  afterEach(async () => {
    await dashboard?.close();
    await server.stop();
    expect(dashboard.complaints).to.deep.equal([]);
  });

  const open = async (options?: DashboardOptions) => {
    dashboard = await Dashboard.open(browser, server, options);
    return dashboard;
  };
  const status = () => dashboard.text('#status');
  const headline = (chart: string) => dashboard.text(`#chart-${chart} .now`);
  const state = () => dashboard.evaluate<string>('handoverDashboard.state');

  describe('figures', () => {
    it('shows what the server says of itself with the first answer', async () => {
      await open();
      expect(await status()).to.equal('Live, every second.');
      expect(await headline('requests')).to.equal('1,000 req/s');
      expect(await headline('latency')).to.equal('3.50 ms p99');
      expect(await headline('connections')).to.equal('12 open');
      expect(await dashboard.page.title()).to.equal('1,000 req/s - handover');
      const figures = await dashboard.text('#figures');
      for (const text of [
        'Transport portable',
        'Requests 100,000',
        'Bytes sent 977 MB',
        'Size 20.0 MB of 64.0 MB',
      ]) {
        expect(figures).to.contain(text);
      }
    });

    it("computes rates from the counters and the server's own clock", async () => {
      await open();
      steadyLoad(server, later(statsDocument(), 2, 500), 500, 2);
      await dashboard.seconds(3);
      const last = (await dashboard.samples()).at(-1);
      expect(last).to.include({ rps: 500, bps: 500 * 10_240, a: 450, c: 50, hit: 0.75 });
      expect(await headline('requests')).to.equal('500 req/s');
      expect(await headline('bytes')).to.equal('4.88 MB/s');
      expect(await headline('cache')).to.equal('75.0 %');
      expect(await headline('classes')).to.equal('10.0 % 4xx or 5xx');
      expect(await dashboard.text('#chart-classes .readout')).to.equal('2xx 450 3xx 0 4xx 50 5xx 0');
    });

    it('lists the workers with their shares', async () => {
      const workers = [
        workerStats(2, { connections: 3 }),
        workerStats(1, { connections: 1, state: 'draining', restarts: 7 }),
      ];
      still(server, statsDocument({ workers }));
      await open();
      const rows = await dashboard.page.locator('#worker-rows tr').all();
      const cells = await Promise.all(rows.map((row) => row.locator('th, td').allTextContents()));
      expect(cells.map((row) => row.slice(0, 5))).to.deep.equal([
        ['1', '4101', 'draining', '1', '25.0 %'],
        ['2', '4102', 'ready', '3', '75.0 %'],
      ]);
      expect(cells[0]?.slice(5)).to.deep.equal([
        '250',
        '25,000',
        '50.0 %',
        '96.0 %',
        '1',
        '64.0 MB',
        '0.40 / 2.10 ms',
        '7',
        '1 h 00 min',
      ]);
    });

    it('draws a point for each new document and none for one it knows', async () => {
      await open();
      await dashboard.seconds(4);
      expect(await dashboard.samples()).to.have.length(5);
      still(server, later(statsDocument(), 60));
      await dashboard.seconds(3);
      expect(await dashboard.samples()).to.have.length(6);
      for (const chart of ['requests', 'latency', 'classes', 'bytes', 'cache', 'connections']) {
        expect(await paintedColors(chart), chart).to.be.above(3);
      }
    });

    it('shows markup in the figures as text', async () => {
      still(
        server,
        statsDocument({
          server: '<img src=x onerror=alert(1)>',
          transport: '</dd><script>alert(1)</script>',
        }),
      );
      await open();
      expect(await dashboard.text('#figures')).to.contain('<img src=x onerror=alert(1)>');
      expect(await dashboard.page.locator('#figures img, #figures script').count()).to.equal(0);
    });

    it('says before the first request that there is no latency and no ratio', async () => {
      const none = { mean: null, p50: null, p90: null, p99: null, p999: null, max: null };
      still(server, statsDocument({ latencyMs: none, latencyRecentMs: none, cache: { hitRatio: null } }));
      await open();
      expect(await headline('latency')).to.equal('– p99');
      expect(await headline('cache')).to.equal('–');
      expect(await dashboard.text('#figures')).to.contain('Hit ratio –');
    });

    it('tells of a reload and of a worker that came back', async () => {
      await open();
      const workers = [workerStats(1, { pid: 9999, restarts: 1 })];
      still(server, { ...later(statsDocument(), 1), reloads: 1, workers });
      await dashboard.seconds(1);
      const events = await dashboard.text('#events');
      expect(events).to.contain('Settings reloaded (1).');
      expect(events).to.contain('Worker 1 came back: pid 4101 → 9999.');
      expect((await dashboard.samples()).at(-1)?.mark).to.equal('reload');
    });

    it("polls at the server's interval, but not more often than four times a second", async () => {
      steadyLoad(server, statsDocument({ intervalMs: 10 }));
      await open();
      const before = server.requests.length;
      for (let i = 0; i < 40; i++) await dashboard.run(25);
      // 40 steps of 25 ms and the 20 ms that each settles in are 1.8 s: seven polls of two requests.
      expect(server.requests.length - before).to.be.within(10, 16);
    });

    it('asks seldom while nobody looks, and at once when somebody does', async () => {
      await open();
      const hide = (hidden: boolean) =>
        dashboard.evaluate(`{
          Object.defineProperty(document, 'hidden', { configurable: true, get: () => ${hidden} });
          document.dispatchEvent(new Event('visibilitychange'));
        }`);
      await hide(true);
      await dashboard.seconds(1);
      const before = server.requests.length;
      await dashboard.seconds(10);
      expect((server.requests.length - before) / 2).to.be.within(2, 3);
      const hidden = server.requests.length;
      await hide(false);
      await dashboard.settled();
      expect(server.requests.length).to.equal(hidden + 2);
      for (const { mark } of await dashboard.samples()) expect(mark, 'no gap').to.equal('');
    });

    it('keeps its history within bounds for days', async () => {
      await open();
      const [length, first, mean] = await dashboard.evaluate<[number, number, number]>(`(() => {
        const timeline = new handoverDashboard.Timeline();
        for (let t = 0; t < 300000; t++) timeline.add({
          t: t * 1000, from: t * 1000, mark: '', connections: 1, rps: t % 2 ? 200 : 100, bps: 0, a: 0, b: 0, c: 0, d: 0,
          hit: null, p50: 1, p90: 1, p99: t === 1000 ? 50 : 1 });
        const old = timeline.samples[3];
        return [timeline.samples.length, Math.max(...timeline.samples.map((s) => s.p99)), old.rps];
      })()`);
      expect(length).to.be.within(1000, 6000);
      expect(first, 'the worst percentile survives').to.equal(50);
      expect(mean, 'rates are averaged').to.be.within(145, 155);
    });
  });

  describe('when the server is gone', () => {
    it('says since when and why, keeps the values dimmed, recovers and shows the gap', async () => {
      await open();
      await dashboard.seconds(3);
      await server.stop();
      await dashboard.seconds(2);
      expect(await status()).to.equal(
        'No answer from the server since 12:00:03 (connection refused or lost); retrying.',
      );
      expect(await dashboard.page.title()).to.equal('No answer - handover');
      expect(await headline('requests'), 'the last value stays').to.equal('1,000 req/s');
      expect(await dashboard.page.getAttribute('main', 'data-old')).to.equal('true');
      expect(await dashboard.page.locator('#retry').isVisible()).to.equal(true);
      await dashboard.seconds(20);
      expect(await status(), 'still the moment it was lost').to.contain('since 12:00:03');

      await server.start();
      await dashboard.seconds(6);
      expect(await status()).to.equal('Live, every second.');
      expect(await dashboard.page.getAttribute('main', 'data-old')).to.equal('false');
      const samples = await dashboard.samples();
      expect(samples.filter((sample) => sample.mark === 'gap')).to.have.length(1);
      const gaps = await dashboard.evaluate<{ text: string }[]>('handoverDashboard.view.gaps');
      expect(gaps.map((gap) => gap.text)).to.deep.equal(['no figures']);
      expect(await dashboard.text('#events')).to.match(/Answers again after \d+ s\./);
    });

    it('retries more slowly, and at once when told to', async () => {
      await open();
      server.statFile = server.document = () => ({ status: 502, body: '' });
      const before = server.requests.length;
      await dashboard.seconds(30);
      const asked = (server.requests.length - before) / 2;
      expect(asked).to.be.within(5, 12);
      await dashboard.page.locator('#retry').click();
      await dashboard.settled();
      expect((server.requests.length - before) / 2).to.equal(asked + 1);
    });

    it('gives up waiting after five seconds and never asks twice at once', async () => {
      await open();
      server.statFile = server.document = () => 'hang';
      const before = server.requests.length;
      await dashboard.page.clock.runFor(3000);
      await dashboard.evaluate(`{
        document.getElementById('retry').click();
        document.dispatchEvent(new Event('visibilitychange'));
        dispatchEvent(new Event('online'));
      }`);
      await dashboard.page.clock.runFor(2400);
      expect(server.requests.length - before, 'one request for each file').to.equal(2);
      await dashboard.page.clock.runFor(1000);
      await until(dashboard.page, `handoverDashboard.state === 'gone'`);
      expect(await status()).to.contain('(timed out); retrying.');
    });

    it('says so when the server was never there after the page', async () => {
      server.statFile = server.document = () => ({ status: 500, body: 'oh' });
      await open();
      expect(await status()).to.equal(
        'statFile.txt answered HTTP 500 Internal Server Error. stats.json answered HTTP 500 Internal Server Error.',
      );
      expect(await headline('requests')).to.equal('–');
    });
  });

  describe('when a file is bad', () => {
    const GOOD = statFile(statsDocument());
    const cases: readonly [name: string, file: Answer, document: Answer, message: string][] = [
      [
        'too few numbers',
        { body: '1,2,3' },
        { body: '' },
        'statFile.txt has 3 values instead of 6. stats.json is empty.',
      ],
      [
        'a word',
        { body: '1,2,x,4,5,6' },
        { body: '{' },
        'statFile.txt is wrong: value 3 (200 responses) is "x", not a whole number. stats.json is not valid JSON',
      ],
      [
        'NaN',
        { body: 'NaN,2,3,4,5,6' },
        { body: '{}' },
        'value 1 (active connections) is "NaN", not a whole number. stats.json has version "undefined"; this page reads version 1.',
      ],
      ['negative', { body: '1,-2,3,4,5,6' }, { body: '[]' }, 'value 2 (bytes) is "-2", which is negative.'],
      [
        'beyond exact numbers',
        { body: `1,${2 ** 60},3,4,5,6` },
        { body: 'null' },
        'value 2 (bytes) is "1152921504606847000", which is too large.',
      ],
      ['empty', { body: '\n' }, { body: '3' }, 'statFile.txt is empty.'],
      [
        'an error page',
        { body: '<!doctype html><h1>Oops' },
        { body: '<html>' },
        'statFile.txt is an HTML page, not six numbers. stats.json is an HTML page, not JSON.',
      ],
      [
        'not found',
        { status: 404, body: '' },
        { status: 404, body: '' },
        'statFile.txt answered HTTP 404 Not Found. stats.json answered HTTP 404 Not Found.',
      ],
      [
        'not allowed',
        { status: 403, body: '' },
        { status: 403, body: '' },
        'HTTP 403: this address may not see the statistics. STATS_ALLOW',
      ],
      [
        'document of another version',
        { body: GOOD },
        { body: '{"version":2}' },
        'stats.json has version "2"; this page reads version 1. Figures from statFile.txt; details are not available.',
      ],
      [
        'document with a missing field',
        { body: GOOD },
        { body: JSON.stringify({ ...statsDocument(), log: {} }) },
        'stats.json is wrong: log.dropped is "undefined", not a number. Figures from statFile.txt',
      ],
      [
        'document with a bad worker',
        { body: GOOD },
        { body: JSON.stringify(statsDocument({ workers: [workerStats(1, { pid: -4 })] })) },
        'stats.json is wrong: workers[0].pid is -4, which is negative.',
      ],
      [
        'document with a latency that is a text',
        { body: GOOD },
        { body: JSON.stringify(statsDocument({ latencyRecentMs: { p99: '9' as unknown as number } })) },
        'stats.json is wrong: latencyRecentMs.p99 is "9", not a number.',
      ],
      [
        'only the six numbers bad',
        { body: '1,2,3,4,5' },
        { body: JSON.stringify(statsDocument()) },
        'statFile.txt has 5 values instead of 6. The figures come from stats.json.',
      ],
    ];

    it('says exactly what is wrong, and goes on when it is right again', async () => {
      await open();
      for (const [name, file, document, message] of cases) {
        server.statFile = () => file;
        server.document = () => document;
        for (let i = 0; i < 3; i++) await dashboard.run(5000); // Past every wait between two attempts.
        expect(await status(), name).to.contain(message);
      }
      steadyLoad(server, later(statsDocument(), 500));
      await dashboard.seconds(12);
      expect(await status()).to.equal('Live, every second.');
    });

    it('works from statFile.txt alone when stats.json is missing', async () => {
      server.document = () => ({ status: 404, body: '' });
      let document = statsDocument();
      server.statFile = () => {
        document = later(document, 1, 800);
        return { body: statFile(document) };
      };
      await open();
      await dashboard.seconds(5);
      expect(await status()).to.equal(
        'stats.json is not there (HTTP 404). Figures from statFile.txt; details are not available.',
      );
      expect(await headline('requests')).to.match(/^(7[5-9]\d|8[0-4]\d) req\/s$/);
      expect(await dashboard.text('#chart-classes .readout')).to.match(/^200 \d+ other \d+ 404 \d+ 5xx 0$/);
      expect(await dashboard.text('#chart-latency .absent')).to.equal('Not available without stats.json');
      expect(await dashboard.text('#worker-rows')).to.equal('Not available without stats.json.');
      expect(await dashboard.text('#figures')).to.contain('Active 12');
      const asked = server.requests.filter((path) => path === '/stats.json').length;
      expect(asked, 'the missing file is asked for seldom').to.be.below(3);
      await dashboard.seconds(5);
      steadyLoad(server, later(document, 10));
      await dashboard.seconds(12);
      expect(await state()).to.equal('live');
      expect(await dashboard.page.locator('#worker-rows tr').count()).to.equal(4);
    });

    it('does not take six numbers that are not rewritten yet for silence', async () => {
      server.document = () => ({ status: 404, body: '' });
      let asked = 0;
      let document = statsDocument();
      server.statFile = () => {
        if (asked++ % 3 === 0) document = later(document, 3, 600);
        return { body: statFile(document) };
      };
      await open();
      await dashboard.seconds(13);
      const rates = (await dashboard.samples()).slice(1).map((sample) => Math.round((sample.rps ?? 0) / 100));
      expect(new Set(rates)).to.deep.equal(new Set([6]));
    });

    it('says so when the figures stand still though the server answers', async () => {
      await open();
      still(server, later(statsDocument(), 9));
      await dashboard.seconds(8);
      expect(await status()).to.equal('The server answers, but its figures stand still since 12:00:01.');
      expect(await dashboard.page.getAttribute('main', 'data-old')).to.equal('true');
    });
  });

  describe('when the server was restarted', () => {
    it('marks it and shows no negative rate', async () => {
      await open();
      await dashboard.seconds(2);
      const fresh = statsDocument({
        time: '2026-03-01T12:10:00.000Z',
        startedAt: '2026-03-01T12:09:58.000Z',
        requests: { total: 40, perSecond: 20 },
        bytes: { sent: 400, sentPerSecond: 200 },
        status: { '2xx': 40, '200': 40, '4xx': 0, '404': 0 },
      });
      steadyLoad(server, fresh, 30);
      await dashboard.seconds(3);
      const samples = await dashboard.samples();
      expect(samples.filter((sample) => sample.mark === 'restart')).to.have.length(1);
      expect(samples.at(-3)).to.include({ mark: 'restart', rps: 20, bps: 200, a: null });
      expect(samples.at(-1)).to.include({ mark: '', rps: 30 });
      for (const { rps, bps, a, c } of samples)
        expect(Math.min(rps ?? 0, bps ?? 0, a ?? 0, c ?? 0)).to.be.at.least(0);
      expect(await dashboard.text('#events')).to.contain(
        'The server was restarted; its counters began anew.',
      );
    });

    it('notices it though the counters are already higher', async () => {
      await open();
      still(server, { ...later(statsDocument(), 9), startedAt: '2026-03-01T11:59:59.000Z' });
      await dashboard.seconds(1);
      expect((await dashboard.samples()).at(-1)).to.include({ mark: 'restart', rps: 1000, a: null });
    });

    it('notices it from the six numbers alone', async () => {
      server.document = () => ({ status: 404, body: '' });
      server.statFile = () => ({ body: '5,1000,10,0,0,10' });
      await open();
      server.statFile = () => ({ body: '1,200,2,0,0,2' });
      await dashboard.seconds(1);
      const last = (await dashboard.samples()).at(-1);
      expect(last).to.include({ mark: 'restart', rps: null, connections: 1 });
    });
  });

  /** How many different colours the chart's bitmap holds: an empty one has the grid's and the text's shades only in its margin. */
  function paintedColors(chart: string): Promise<number> {
    return dashboard.evaluate<number>(`(() => {
      const canvas = document.querySelector('#chart-${chart} canvas');
      const ratio = canvas.width / canvas.clientWidth;
      const [left, top] = [Math.round(56 * ratio), Math.round(10 * ratio)];
      const { data } = canvas.getContext('2d').getImageData(left, top, canvas.width - left, canvas.height - 4 * top);
      const colors = new Set();
      for (let i = 0; i < data.length; i += 4) if (data[i + 3] > 0) colors.add((data[i] << 16) | (data[i + 1] << 8) | data[i + 2]);
      return colors.size;
    })()`);
  }
});
