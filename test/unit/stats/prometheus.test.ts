import { expect } from 'chai';
import type { StatsSample } from '../../../src/stats/document.js';
import { buildDocument } from '../../../src/stats/document.js';
import { BUCKETS, upperEdgeUs } from '../../../src/stats/histogram.js';
import { formatMetrics, LE_EDGES_US } from '../../../src/stats/prometheus.js';
import { parseExposition } from '../../helpers/exposition.js';
import { jobSample, slotWith, statsSample, workerSample } from '../../helpers/stats-sample.js';

function format(changes: Partial<StatsSample> = {}): string {
  const sample = statsSample(changes);
  return formatMetrics(buildDocument(sample), sample.totals);
}

describe('stats/prometheus', () => {
  it('is well-formed, with and without workers and counts', () => {
    const workers = [
      workerSample({ id: 1, pid: 10, state: 'draining' }),
      workerSample({ id: 1, pid: 11, slot: slotWith({ requests: 5, loopDelayUs: 1234 }, [77, 1e9]) }),
    ];
    for (const text of [format({ workers }), format({ workers: [] })]) parseExposition(text);
  });

  it('escapes labels', () => {
    const families = parseExposition(format({ server: 'a"b\\c\nd' }));
    const [series] = [...families.get('handover_build_info')!.samples.keys()];
    expect(series).to.equal('handover_build_info{server="a\\"b\\\\c\\nd",transport="portable"}');
  });

  it('gives the counts of the document, in base units', () => {
    const totals = slotWith({ status2xx: 1027, bytesSent: 2 ** 52, cacheHit: 3, poolBusyUs: 1_500_000 });
    const families = parseExposition(format({ totals }));
    const read = (family: string, series = family): number | undefined =>
      families.get(family)?.samples.get(series);
    expect(read('handover_requests_total', 'handover_requests_total{status="2xx"}')).to.equal(1027);
    expect(read('handover_sent_bytes_total')).to.equal(2 ** 52);
    expect(read('handover_cache_requests_total', 'handover_cache_requests_total{state="hit"}')).to.equal(3);
    expect(read('handover_pool_busy_seconds_total')).to.equal(1.5);
    expect(read('process_start_time_seconds')).to.equal(Date.UTC(2026, 0, 2, 3, 4, 5) / 1000);
    expect(read('handover_connections_waiting')).to.equal(3);
  });

  it('tells of jobs where they are taken, and nowhere else', () => {
    const jobs = [jobSample(), jobSample({ job: 'b', state: 'done', receiving: 0 })];
    const families = parseExposition(format({ jobs, totals: slotWith({ jobParts: 7, jobBytes: 9000 }) }));
    const read = (family: string, series = family): number | undefined =>
      families.get(family)?.samples.get(series);
    expect(read('handover_jobs', 'handover_jobs{state="open"}')).to.equal(1);
    expect(read('handover_jobs', 'handover_jobs{state="done"}')).to.equal(1);
    expect(read('handover_jobs', 'handover_jobs{state="failed"}')).to.equal(0);
    expect(read('handover_jobs_parts_total')).to.equal(7);
    expect(read('handover_jobs_bytes_total')).to.equal(9000);
    expect(read('handover_jobs_held_bytes')).to.equal(8000);
    expect(read('handover_jobs_receiving')).to.equal(1);
    expect(format()).not.to.include('handover_jobs');
  });

  it('labels workers by place and process', () => {
    const workers = [workerSample({ slot: slotWith({ open: 2 }) })];
    expect(format({ workers })).to.include('handover_worker_connections{worker="1",pid="4711"} 2\n');
  });

  describe('the histogram of response times', () => {
    it('has edges that are edges of the buckets we count in', () => {
      const edges = new Set(Array.from({ length: BUCKETS }, (_, bucket) => upperEdgeUs(bucket)));
      for (const edge of LE_EDGES_US) expect(edges.has(edge), String(edge)).to.equal(true);
    });

    it('counts each response below its edge, exactly', () => {
      const latencies = LE_EDGES_US.flatMap((edge) => [edge - 1, edge]);
      const families = parseExposition(format({ totals: slotWith({}, latencies) }));
      const { samples } = families.get('handover_response_seconds')!;
      for (const [index, edge] of LE_EDGES_US.entries()) {
        const series = `handover_response_seconds_bucket{le="${edge / 1e6}"}`;
        expect(samples.get(series), series).to.equal(2 * index + 1);
      }
      expect(samples.get('handover_response_seconds_count')).to.equal(latencies.length);
      const sum = latencies.reduce((a, b) => a + b, 0);
      expect(samples.get('handover_response_seconds_sum')).to.equal(sum / 1e6);
    });
  });
});

describe('helpers/exposition', () => {
  const FAULTS: Readonly<Record<string, string>> = {
    'no line feed at the end': '# HELP a_total A.\n# TYPE a_total counter\na_total 1',
    'a sample without HELP and TYPE': 'a_total 1\n',
    'a counter not named _total': '# HELP a A.\n# TYPE a counter\na 1\n',
    'a family in two pieces':
      '# HELP a A.\n# TYPE a gauge\na 1\n# HELP b B.\n# TYPE b gauge\nb 1\n# HELP a A.\n# TYPE a gauge\na 2\n',
    'the same series twice': '# HELP a A.\n# TYPE a gauge\na 1\na 2\n',
    'a label that is not quoted': '# HELP a A.\n# TYPE a gauge\na{b=1} 1\n',
    'a quote that is not escaped': '# HELP a A.\n# TYPE a gauge\na{b="x"y"} 1\n',
    'a value that is no number': '# HELP a A.\n# TYPE a gauge\na undefined\n',
    'a histogram without +Inf': '# HELP h H.\n# TYPE h histogram\nh_bucket{le="1"} 1\nh_sum 1\nh_count 1\n',
    'a histogram that falls':
      '# HELP h H.\n# TYPE h histogram\nh_bucket{le="1"} 2\nh_bucket{le="+Inf"} 1\nh_sum 1\nh_count 1\n',
  };
  for (const [fault, text] of Object.entries(FAULTS)) {
    it(`refuses ${fault}`, () => {
      expect(() => parseExposition(text)).to.throw();
    });
  }
});
