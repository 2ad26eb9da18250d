import { expect } from 'chai';
import { errorText, number, toCells } from '../../../bench/report/cells.js';
import { renderChart } from '../../../bench/report/chart.js';
import { renderMarkdown } from '../../../bench/report/markdown.js';
import { renderTable } from '../../../bench/report/table.js';
import type { BenchResult, Sample } from '../../../bench/results.js';
import { measurement, NO_ERRORS, result } from './samples.js';

const page = (changes: Partial<BenchResult>): string => renderMarkdown(result(changes), 'c.svg', 'd.json');

const failure: Sample = {
  ...{ ok: false, round: 2, scenario: 'keep-alive-1k', connections: 10, server: 'nginx' },
  reason: 'ended with exit code 1',
};

describe('bench/report', () => {
  describe('a table', () => {
    it('is aligned, numbers to the right', () => {
      const rows = [
        ['nginx', '1'],
        ['a|b', '12,345'],
      ];
      expect(renderTable(['Server', 'Count'], rows)).to.equal(
        [
          ...['| Server |  Count |', '| ------ | -----: |'],
          ...['| nginx  |      1 |', '| a\\|b   | 12,345 |'],
        ].join('\n'),
      );
    });

    it('keeps text to the left, and fills up short rows', () => {
      expect(renderTable(['A', 'B', 'C'], [['x', 'yyyy']], 2)).to.equal(
        ['| A   | B    |   C |', '| --- | ---- | --: |', '| x   | yyyy |     |'].join('\n'),
      );
    });

    it('survives line breaks', () => {
      expect(renderTable(['A'], [['one\n two']])).to.contain('| one two |');
    });
  });

  describe('the cells', () => {
    it('are medians over the rounds, with the errors added up', () => {
      const runs = [30, 10, 20].map((elapsedMs, at) =>
        measurement({
          round: at + 1,
          elapsedMs,
          requestsPerSecond: elapsedMs * 100,
          serverCpuUs: elapsedMs * 1000,
          errors: { ...NO_ERRORS, timeouts: at },
        }),
      );
      const [cell, ...others] = toCells(runs);
      expect(others).to.deep.equal([]);
      expect(cell?.numbers).to.include({
        ...{ rounds: 3, requests: 3000, elapsedMs: 20, requestsPerSecond: 2000 },
        ...{ msPerRequest: 0.2, cpuPerRequestUs: 20 },
      });
      expect(cell?.numbers?.errors.timeouts).to.equal(3);
    });

    it('divide the CPU time by responses, not by requests', () => {
      const [cell] = toCells([measurement({ responses: 500, serverCpuUs: 5000 })]);
      expect(cell?.numbers?.cpuPerRequestUs).to.equal(10);
    });

    it('keep loads and servers apart', () => {
      const keys = [{}, { server: 'nginx' }, { connections: 100 }, { scenario: 'other' }];
      expect(toCells(keys.map((key) => measurement(key)))).to.have.length(4);
    });

    it('say why there are no numbers, and count rounds that did not fail', () => {
      const [cell] = toCells([failure]);
      expect(cell?.numbers).to.equal(undefined);
      expect(cell?.failures).to.deep.equal(['ended with exit code 1']);
      const [mixed] = toCells([measurement({ server: 'nginx' }), failure]);
      expect(mixed?.numbers?.rounds).to.equal(1);
      expect(mixed?.failures).to.have.length(1);
    });

    it('have no CPU time where the system tells none', () => {
      expect(toCells([measurement({ serverCpuUs: null })])[0]?.numbers?.cpuPerRequestUs).to.equal(undefined);
    });
  });

  it('writes numbers and errors for people', () => {
    expect(number(1234567.891, 2)).to.equal('1,234,567.89');
    expect(errorText(NO_ERRORS)).to.equal('0');
    expect(errorText({ ...NO_ERRORS, socket: 1200, lost: 1 })).to.equal('1,200 socket, 1 lost');
  });

  describe('the page', () => {
    it('has the reference’s columns, and p99, errors and CPU time', () => {
      const text = page({});
      expect(text).to.contain(
        '| Concurrency | Total time taken (s) | Requests per second (mean) | Time per request (ms) (mean) |',
      );
      expect(text).to.match(
        /\| 10 +\| +0\.100 \| +10,000 \| +1\.000 \| +0\.10 \| +1\.00 \(\+\/- 0\.25\) \| +0\.90 \| +5\.00 \| +3\.00 \| +0 \| +12\.5 \|/,
      );
    });

    it('names the machine, the versions and the command', () => {
      expect(page({})).to.contain(
        'Fast & <Cheap> CPU, 2 cores, 8 GB, Linux 6.1, node 20.20.2; commit abc1234',
      );
      expect(page({})).to.contain('`npm run bench`; every single run is in [d.json](d.json)');
    });

    it('shows errors in every table they belong to', () => {
      const text = page({ samples: [measurement({ errors: { ...NO_ERRORS, non2xx: 7 } })] });
      expect(text).to.contain('10,000 (7 errors)').and.to.contain('7 non-2xx');
    });

    it('shows a failed server as failed, with the reason', () => {
      const text = page({ samples: [measurement(), failure] });
      expect(text).to.match(/\| nginx +\| +failed \|/);
      expect(text).to.contain('- nginx, keep-alive-1k, 10 connections, round 2: ended with exit code 1');
    });

    it('says what was not measured and how to get it', () => {
      const text = page({
        skipped: [{ name: 'serve', reason: 'not installed (npm ci --prefix bench/peers)' }],
      });
      expect(text).to.contain('- serve: not installed (npm ci --prefix bench/peers)');
    });

    it('marks a pace that the load generator set, and only that', () => {
      expect(page({})).not.to.contain('†');
      const text = page({ samples: [measurement({ clientCpuShare: 0.97 })] });
      expect(text).to.contain('10,000 †').and.to.contain('- † The load generator used more than 90 %');
    });

    it('says that a shortened run is none to publish', () => {
      expect(page({})).not.to.contain('not a result to publish');
      expect(page({ whole: false })).to.contain('not a result to publish');
    });

    it('tells of connections that were not as due, and of processes that ended', () => {
      const text = page({ samples: [measurement({ connectionsOpened: 13, serverProcessesEnded: 1 })] });
      expect(text).to.contain('13 connections were opened where 10 were due');
      expect(text).to.contain('1 of its processes ended');
    });

    it('says how busy the machine was with other things', () => {
      expect(page({})).to.contain('Other programs used 2.0 % of the machine during the median run, 2.0 %');
      expect(page({ samples: [measurement({ otherCpuShare: null })] })).to.contain('is not known');
    });
  });

  describe('the chart', () => {
    it('has a bar for each server, load and panel, and escapes what it is given', () => {
      const chart = renderChart(result());
      expect(chart.match(/<rect class="own"/g)).to.have.length(2);
      // One of them in the legend.
      expect(chart.match(/<rect class="other"/g)).to.have.length(3);
      expect(chart).to.contain('Fast &amp; &lt;Cheap&gt; CPU');
      expect(chart).to.contain('>20,000</text>').and.to.contain('>12.5</text>');
    });

    it('says where a server failed or nothing is known', () => {
      const samples = [measurement({ serverCpuUs: null }), failure];
      const chart = renderChart(result({ samples }));
      expect(chart.match(/>failed<\/text>/g)).to.have.length(2);
      expect(chart.match(/>not known<\/text>/g)).to.have.length(1);
    });

    it('has no number that is none', () => {
      expect(renderChart(result({ samples: [failure] }))).not.to.match(/NaN|Infinity|undefined/);
    });
  });
});
