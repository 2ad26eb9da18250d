/** The dashboard without figures: what it says when they are missing or wrong, and how it recovers. In Chromium. */
import { expect } from 'chai';
import { until } from '../helpers/chromium.js';
import { steadyLoad, still } from '../helpers/dashboard.js';
import { DashboardBench } from '../helpers/dashboard-bench.js';
import { later, statFile, statsDocument, workerStats } from '../helpers/stats-document.js';
import type { Answer } from '../helpers/stats-server.js';

describe('dashboard in trouble', () => {
  const bench = new DashboardBench();

  describe('when the server is gone', () => {
    it('says since when and why, keeps the values dimmed, recovers and shows the gap', async () => {
      await bench.open();
      await bench.dashboard.seconds(3);
      await bench.server.stop();
      await bench.dashboard.seconds(2);
      expect(await bench.status()).to.equal(
        'No answer from the server since 12:00:03 (connection refused or lost); retrying.',
      );
      expect(await bench.dashboard.page.title()).to.equal('No answer - handover');
      expect(await bench.headline('requests'), 'the last value stays').to.equal('1,000 req/s');
      expect(await bench.dashboard.page.getAttribute('main', 'data-old')).to.equal('true');
      expect(await bench.dashboard.page.locator('#retry').isVisible()).to.equal(true);
      await bench.dashboard.seconds(20);
      expect(await bench.status(), 'still the moment it was lost').to.contain('since 12:00:03');

      await bench.server.start();
      await bench.dashboard.seconds(6);
      expect(await bench.status()).to.equal('Live, every second.');
      expect(await bench.dashboard.page.getAttribute('main', 'data-old')).to.equal('false');
      const samples = await bench.dashboard.samples();
      expect(samples.filter((sample) => sample.mark === 'gap')).to.have.length(1);
      const gaps = await bench.dashboard.evaluate<{ text: string }[]>('handoverDashboard.view.gaps');
      expect(gaps.map((gap) => gap.text)).to.deep.equal(['no figures']);
      expect(await bench.dashboard.text('#events')).to.match(/Answers again after \d+ s\./);
    });

    it('retries more slowly, and at once when told to', async () => {
      await bench.open();
      bench.server.statFile = bench.server.document = () => ({ status: 502, body: '' });
      const before = bench.server.requests.length;
      await bench.dashboard.seconds(30);
      const asked = (bench.server.requests.length - before) / 2;
      expect(asked).to.be.within(5, 12);
      await bench.dashboard.page.locator('#retry').click();
      await bench.dashboard.settled();
      expect((bench.server.requests.length - before) / 2).to.equal(asked + 1);
    });

    it('gives up waiting after five seconds and never asks twice at once', async () => {
      await bench.open();
      bench.server.statFile = bench.server.document = () => 'hang';
      const before = bench.server.requests.length;
      await bench.dashboard.page.clock.runFor(3000);
      await bench.dashboard.evaluate(`{
        document.getElementById('retry').click();
        document.dispatchEvent(new Event('visibilitychange'));
        dispatchEvent(new Event('online'));
      }`);
      await bench.dashboard.page.clock.runFor(2400);
      expect(bench.server.requests.length - before, 'one request for each file').to.equal(2);
      await bench.dashboard.page.clock.runFor(1000);
      await until(bench.dashboard.page, `handoverDashboard.state === 'gone'`);
      expect(await bench.status()).to.contain('(timed out); retrying.');
    });

    it('says so when the server was never there after the page', async () => {
      bench.server.statFile = bench.server.document = () => ({ status: 500, body: 'oh' });
      await bench.open();
      expect(await bench.status()).to.equal(
        'statFile.txt answered HTTP 500 Internal Server Error. stats.json answered HTTP 500 Internal Server Error.',
      );
      expect(await bench.headline('requests')).to.equal('–');
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
      await bench.open();
      for (const [name, file, document, message] of cases) {
        bench.server.statFile = () => file;
        bench.server.document = () => document;
        for (let i = 0; i < 3; i++) await bench.dashboard.run(5000); // Past every wait between two attempts.
        expect(await bench.status(), name).to.contain(message);
      }
      steadyLoad(bench.server, later(statsDocument(), 500));
      await bench.dashboard.seconds(12);
      expect(await bench.status()).to.equal('Live, every second.');
    });

    it('works from statFile.txt alone when stats.json is missing', async () => {
      bench.server.document = () => ({ status: 404, body: '' });
      let document = statsDocument();
      bench.server.statFile = () => {
        document = later(document, 1, 800);
        return { body: statFile(document) };
      };
      await bench.open();
      await bench.dashboard.seconds(5);
      expect(await bench.status()).to.equal(
        'stats.json is not there (HTTP 404). Figures from statFile.txt; details are not available.',
      );
      expect(await bench.headline('requests')).to.match(/^(7[5-9]\d|8[0-4]\d) req\/s$/);
      expect(await bench.dashboard.text('#chart-classes .readout')).to.match(
        /^200 \d+ other \d+ 404 \d+ 5xx 0$/,
      );
      expect(await bench.dashboard.text('#chart-latency .absent')).to.equal(
        'Not available without stats.json',
      );
      expect(await bench.dashboard.text('#worker-rows')).to.equal('Not available without stats.json.');
      expect(await bench.dashboard.text('#figures')).to.contain('Active 12');
      const asked = bench.server.requests.filter((path) => path === '/stats.json').length;
      expect(asked, 'the missing file is asked for seldom').to.be.below(3);
      await bench.dashboard.seconds(5);
      steadyLoad(bench.server, later(document, 10));
      await bench.dashboard.seconds(12);
      expect(await bench.state()).to.equal('live');
      expect(await bench.dashboard.page.locator('#worker-rows tr').count()).to.equal(4);
    });

    it('does not take six numbers that are not rewritten yet for silence', async () => {
      bench.server.document = () => ({ status: 404, body: '' });
      let asked = 0;
      let document = statsDocument();
      bench.server.statFile = () => {
        if (asked++ % 3 === 0) document = later(document, 3, 600);
        return { body: statFile(document) };
      };
      await bench.open();
      await bench.dashboard.seconds(13);
      const rates = (await bench.dashboard.samples())
        .slice(1)
        .map((sample) => Math.round((sample.rps ?? 0) / 100));
      expect(new Set(rates)).to.deep.equal(new Set([6]));
    });

    it('says so when the figures stand still though the server answers', async () => {
      await bench.open();
      still(bench.server, later(statsDocument(), 9));
      await bench.dashboard.seconds(8);
      expect(await bench.status()).to.equal(
        'The server answers, but its figures stand still since 12:00:01.',
      );
      expect(await bench.dashboard.page.getAttribute('main', 'data-old')).to.equal('true');
    });
  });
});
