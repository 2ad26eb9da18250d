import { expect } from 'chai';
import { buildDocument } from '../../../src/stats/document.js';
import { mergeSlots } from '../../../src/stats/totals.js';
import { jobSample, slotWith, statsSample, workerSample } from '../../helpers/stats-sample.js';

describe('stats/document', () => {
  it('says when and what, from the clocks it is given', () => {
    const document = buildDocument(statsSample());
    expect(document.time).to.equal('2026-01-02T03:04:15.000Z');
    expect(document.startedAt).to.equal('2026-01-02T03:04:05.000Z');
    expect(document.uptimeSeconds).to.equal(10);
    expect(document).to.include({ version: 1, transport: 'portable', reloads: 2, draining: false });
  });

  it('takes every count from the totals', () => {
    const totals = slotWith(
      {
        open: 4,
        requests: 20,
        status2xx: 15,
        status200: 12,
        status404: 5,
        status5xx: 1,
        bytesSent: 5000,
        cacheHit: 3,
        cacheMiss: 1,
        poolBusyUs: 2500,
        logDropped: 6,
      },
      [100, 100],
    );
    const document = buildDocument(statsSample({ totals }));
    expect(document.connections).to.deep.equal({
      active: 4,
      accepted: 70,
      waiting: 3,
      refused: 1,
      max: 10_000,
    });
    expect(document.requests.total).to.equal(20);
    expect(document.status).to.include({ '2xx': 15, '200': 12, '404': 5, '5xx': 1 });
    expect(document.bytes.sent).to.equal(5000);
    expect(document.cache).to.include({ hit: 3, miss: 1, hitRatio: 0.75, maxBytes: 64 << 20 });
    expect(document.pool).to.include({ busyMs: 3, threadsPerWorker: 4 });
    expect(document.log.dropped).to.equal(6);
    expect(document.latencyMs).to.include({ mean: 0.1, p50: 0.104 });
  });

  it('computes rates over the time since the start when there is no earlier sample', () => {
    const document = buildDocument(statsSample({ totals: slotWith({ requests: 25, bytesSent: 1000 }) }));
    expect(document.requests.perSecond).to.equal(2.5);
    expect(document.bytes.sentPerSecond).to.equal(100);
  });

  it('computes rates and recent latencies against an earlier sample', () => {
    const before = statsSample({ uptimeMs: 8000, totals: slotWith({ requests: 25 }, [10, 10, 10]) });
    const now = statsSample({ totals: slotWith({ requests: 26 }, [10, 10, 10, 4000]) });
    const document = buildDocument(now, before);
    expect(document.requests.perSecond).to.equal(0.5);
    expect(document.latencyMs.p50).to.equal(0.011);
    expect(document.latencyRecentMs).to.include({ mean: 4, p50: 4.096 });
  });

  it('has no rates when no time has passed', () => {
    const sample = statsSample({ totals: slotWith({ requests: 25 }) });
    expect(buildDocument(sample, sample).requests.perSecond).to.equal(0);
    expect(buildDocument({ ...sample, uptimeMs: 0 }).requests.perSecond).to.equal(0);
  });

  it('shows each worker, and its own rate', () => {
    const before = statsSample({
      uptimeMs: 9000,
      workers: [workerSample({ slot: slotWith({ requests: 100 }) })],
    });
    const slot = slotWith({ requests: 130, open: 2, taken: 8, loopDelayUs: 1500, rssBytes: 9 });
    const [worker] = buildDocument(statsSample({ workers: [workerSample({ slot })] }), before).workers;
    expect(worker).to.deep.include({ id: 1, pid: 4711, state: 'ready', uptimeSeconds: 9, restarts: 0 });
    expect(worker).to.include({ connections: 2, taken: 8, requests: 130, requestsPerSecond: 30 });
    expect(worker).to.include({ loopDelayMs: 1.5, rssBytes: 9, cacheHitRatio: null });
  });

  it('does not compare a worker with the process whose place it took', () => {
    const before = statsSample({
      uptimeMs: 9000,
      workers: [workerSample({ pid: 1, slot: slotWith({ requests: 100 }) })],
    });
    const now = statsSample({ workers: [workerSample({ pid: 2, slot: slotWith({ requests: 4 }) })] });
    expect(buildDocument(now, before).workers[0]!.requestsPerSecond).to.equal(4);
  });

  it('has jobs where they are taken: counters from the totals, the rest from their owners', () => {
    const totals = slotWith({ jobParts: 12, jobBytes: 5000 });
    expect(buildDocument(statsSample({ totals }))).not.to.have.property('jobs');
    const { jobs } = buildDocument(statsSample({ totals, jobs: [jobSample()] }));
    expect(jobs).to.include({ parts: 12, bytes: 5000, open: 1, heldBytes: 4000 });
  });

  it('adds up: the workers of a sample are its totals', () => {
    const workers = [1, 2].map((id) => workerSample({ id, pid: id, slot: slotWith({ requests: id * 10 }) }));
    const document = buildDocument(statsSample({ workers, totals: mergeSlots(workers.map((w) => w.slot)) }));
    expect(document.requests.total).to.equal(30);
  });
});
