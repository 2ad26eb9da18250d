/** The dashboard's figures: what it shows, and when they begin anew. In Chromium. */
import { expect } from 'chai';
import { steadyLoad, still } from '../helpers/dashboard.js';
import { DashboardBench } from '../helpers/dashboard-bench.js';
import { later, statsDocument, workerStats } from '../helpers/stats-document.js';

describe('dashboard', () => {
  const bench = new DashboardBench();

  describe('figures', () => {
    it('shows what the server says of itself with the first answer', async () => {
      await bench.open();
      expect(await bench.status()).to.equal('Live, every second.');
      expect(await bench.headline('requests')).to.equal('1,000 req/s');
      expect(await bench.headline('latency')).to.equal('3.50 ms p99');
      expect(await bench.headline('connections')).to.equal('12 open');
      expect(await bench.dashboard.page.title()).to.equal('1,000 req/s - handover');
      const figures = await bench.dashboard.text('#figures');
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
      await bench.open();
      steadyLoad(bench.server, later(statsDocument(), 2, 500), 500, 2);
      await bench.dashboard.seconds(3);
      const last = (await bench.dashboard.samples()).at(-1);
      expect(last).to.include({ rps: 500, bps: 500 * 10_240, a: 450, c: 50, hit: 0.75 });
      expect(await bench.headline('requests')).to.equal('500 req/s');
      expect(await bench.headline('bytes')).to.equal('4.88 MB/s');
      expect(await bench.headline('cache')).to.equal('75.0 %');
      expect(await bench.headline('classes')).to.equal('10.0 % 4xx or 5xx');
      expect(await bench.dashboard.text('#chart-classes .readout')).to.equal('2xx 450 3xx 0 4xx 50 5xx 0');
    });

    it('lists the workers with their shares', async () => {
      const workers = [
        workerStats(2, { connections: 3 }),
        workerStats(1, { connections: 1, state: 'draining', restarts: 7 }),
      ];
      still(bench.server, statsDocument({ workers }));
      await bench.open();
      const rows = await bench.dashboard.page.locator('#worker-rows tr').all();
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
      await bench.open();
      await bench.dashboard.seconds(4);
      expect(await bench.dashboard.samples()).to.have.length(5);
      still(bench.server, later(statsDocument(), 60));
      await bench.dashboard.seconds(3);
      expect(await bench.dashboard.samples()).to.have.length(6);
      for (const chart of ['requests', 'latency', 'classes', 'bytes', 'cache', 'connections']) {
        expect(await paintedColors(chart), chart).to.be.above(3);
      }
    });

    it('shows markup in the figures as text', async () => {
      still(
        bench.server,
        statsDocument({
          server: '<img src=x onerror=alert(1)>',
          transport: '</dd><script>alert(1)</script>',
        }),
      );
      await bench.open();
      expect(await bench.dashboard.text('#figures')).to.contain('<img src=x onerror=alert(1)>');
      expect(await bench.dashboard.page.locator('#figures img, #figures script').count()).to.equal(0);
    });

    it('says before the first request that there is no latency and no ratio', async () => {
      const none = { mean: null, p50: null, p90: null, p99: null, p999: null, max: null };
      still(
        bench.server,
        statsDocument({ latencyMs: none, latencyRecentMs: none, cache: { hitRatio: null } }),
      );
      await bench.open();
      expect(await bench.headline('latency')).to.equal('– p99');
      expect(await bench.headline('cache')).to.equal('–');
      expect(await bench.dashboard.text('#figures')).to.contain('Hit ratio –');
    });

    it('tells of a reload and of a worker that came back', async () => {
      await bench.open();
      const workers = [workerStats(1, { pid: 9999, restarts: 1 })];
      still(bench.server, { ...later(statsDocument(), 1), reloads: 1, workers });
      await bench.dashboard.seconds(1);
      const events = await bench.dashboard.text('#events');
      expect(events).to.contain('Settings reloaded (1).');
      expect(events).to.contain('Worker 1 came back: pid 4101 → 9999.');
      expect((await bench.dashboard.samples()).at(-1)?.mark).to.equal('reload');
    });

    it("polls at the server's interval, but not more often than four times a second", async () => {
      steadyLoad(bench.server, statsDocument({ intervalMs: 10 }));
      await bench.open();
      const before = bench.server.requests.length;
      for (let i = 0; i < 40; i++) await bench.dashboard.run(25);
      // 40 steps of 25 ms and the 20 ms that each settles in are 1.8 s: seven polls of two requests.
      expect(bench.server.requests.length - before).to.be.within(10, 16);
    });

    it('asks seldom while nobody looks, and at once when somebody does', async () => {
      await bench.open();
      const hide = (hidden: boolean) =>
        bench.dashboard.evaluate(`{
          Object.defineProperty(document, 'hidden', { configurable: true, get: () => ${hidden} });
          document.dispatchEvent(new Event('visibilitychange'));
        }`);
      await hide(true);
      await bench.dashboard.seconds(1);
      const before = bench.server.requests.length;
      await bench.dashboard.seconds(10);
      expect((bench.server.requests.length - before) / 2).to.be.within(2, 3);
      const hidden = bench.server.requests.length;
      await hide(false);
      await bench.dashboard.settled();
      expect(bench.server.requests.length).to.equal(hidden + 2);
      for (const { mark } of await bench.dashboard.samples()) expect(mark, 'no gap').to.equal('');
    });

    it('keeps its history within bounds for days', async () => {
      await bench.open();
      const [length, first, mean] = await bench.dashboard.evaluate<[number, number, number]>(`(() => {
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

  describe('when the server was restarted', () => {
    it('marks it and shows no negative rate', async () => {
      await bench.open();
      await bench.dashboard.seconds(2);
      const fresh = statsDocument({
        time: '2026-03-01T12:10:00.000Z',
        startedAt: '2026-03-01T12:09:58.000Z',
        requests: { total: 40, perSecond: 20 },
        bytes: { sent: 400, sentPerSecond: 200 },
        status: { '2xx': 40, '200': 40, '4xx': 0, '404': 0 },
      });
      steadyLoad(bench.server, fresh, 30);
      await bench.dashboard.seconds(3);
      const samples = await bench.dashboard.samples();
      expect(samples.filter((sample) => sample.mark === 'restart')).to.have.length(1);
      expect(samples.at(-3)).to.include({ mark: 'restart', rps: 20, bps: 200, a: null });
      expect(samples.at(-1)).to.include({ mark: '', rps: 30 });
      for (const { rps, bps, a, c } of samples)
        expect(Math.min(rps ?? 0, bps ?? 0, a ?? 0, c ?? 0)).to.be.at.least(0);
      expect(await bench.dashboard.text('#events')).to.contain(
        'The server was restarted; its counters began anew.',
      );
    });

    it('notices it though the counters are already higher', async () => {
      await bench.open();
      still(bench.server, { ...later(statsDocument(), 9), startedAt: '2026-03-01T11:59:59.000Z' });
      await bench.dashboard.seconds(1);
      expect((await bench.dashboard.samples()).at(-1)).to.include({ mark: 'restart', rps: 1000, a: null });
    });

    it('notices it from the six numbers alone', async () => {
      bench.server.document = () => ({ status: 404, body: '' });
      bench.server.statFile = () => ({ body: '5,1000,10,0,0,10' });
      await bench.open();
      bench.server.statFile = () => ({ body: '1,200,2,0,0,2' });
      await bench.dashboard.seconds(1);
      const last = (await bench.dashboard.samples()).at(-1);
      expect(last).to.include({ mark: 'restart', rps: null, connections: 1 });
    });
  });

  /** How many different colours the chart's bitmap holds: an empty one has the grid's and the text's shades only in its margin. */
  function paintedColors(chart: string): Promise<number> {
    return bench.dashboard.evaluate<number>(`(() => {
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
