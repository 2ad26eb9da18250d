import { expect } from 'chai';
import fc from 'fast-check';
import { Clock } from '../../../src/http/clock.js';
import { textReply } from '../../../src/http/error-reply.js';
import { RequestParser } from '../../../src/http/parser.js';
import { type CacheState, REASON, type Reply } from '../../../src/http/reply.js';
import { FIELD, HISTOGRAM_START, SEQ_END, type SlotField } from '../../../src/stats/schema.js';
import { SlotWriter } from '../../../src/stats/scoreboard.js';
import { ExchangeRecorder } from '../../../src/worker/exchange.js';
import { FakeConnection } from '../../helpers/fake-connection.js';
import { headOf } from '../../helpers/heads.js';

const CLASSES = ['status2xx', 'status3xx', 'status4xx', 'status5xx'] as const;
const SINGLE = ['status200', 'status206', 'status304', 'status404'] as const;
const CACHE = ['cacheHit', 'cacheMiss', 'cacheExpired', 'cacheRevalidated', 'cacheBypass'] as const;
const FINAL_STATUSES = Object.keys(REASON)
  .map(Number)
  .filter((status) => status >= 200);

describe('worker/exchange', () => {
  let slot: SlotWriter;
  let clock: Clock;
  let recorder: ExchangeRecorder;

  beforeEach(() => {
    slot = new SlotWriter(-1, 0);
    clock = new Clock(0, 1000);
    recorder = new ExchangeRecorder(slot, clock, undefined);
  });

  const count = (field: SlotField): number => slot.counters[FIELD[field]]!;
  const sum = (fields: readonly SlotField[]): number =>
    fields.reduce((total, field) => total + count(field), 0);
  const latencies = (): number =>
    slot.counters.subarray(HISTOGRAM_START, SEQ_END).reduce((total, each) => total + each, 0);

  function record(reply: Reply, durationMs = 0): void {
    const exchange = recorder.begin(headOf('GET', '/'), new FakeConnection());
    recorder.count(exchange, reply);
    clock.update(0, clock.steadyMs + durationMs);
    recorder.finish(exchange, 0);
  }

  it('counts each status in its class, and four of them by themselves', () => {
    for (const status of FINAL_STATUSES) record(textReply(status, 'text/plain', ''));
    expect(count('requests')).to.equal(FINAL_STATUSES.length);
    CLASSES.forEach((field, i) => {
      const expected = FINAL_STATUSES.filter((status) => Math.floor(status / 100) === i + 2).length;
      expect(count(field), field).to.equal(expected);
    });
    expect(SINGLE.map(count)).to.deep.equal([1, 1, 1, 1]);
  });

  it('never lets requests and statuses disagree', () => {
    const reply = fc.record({
      status: fc.constantFrom(...FINAL_STATUSES),
      cache: fc.constantFrom<CacheState>('HIT', 'MISS', 'BYPASS', 'EXPIRED', 'REVALIDATED', ''),
      monitoring: fc.boolean(),
    });
    const property = fc.property(fc.array(reply), (replies) => {
      slot = new SlotWriter(-1, 0);
      recorder = new ExchangeRecorder(slot, clock, undefined);
      for (const { status, cache, monitoring } of replies) {
        record({ ...textReply(status, 'text/plain', '', { monitoring }), cache });
      }
      const counted = replies.filter(({ monitoring }) => !monitoring);
      expect(count('requests')).to.equal(counted.length).and.to.equal(sum(CLASSES)).and.to.equal(latencies());
      expect(sum(CACHE)).to.equal(counted.filter(({ cache }) => cache !== '').length);
      expect(count('monitoringRequests')).to.equal(replies.length - counted.length);
    });
    fc.assert(property);
  });

  it('measures from the request to its last byte', () => {
    record(textReply(200, 'text/plain', ''), 25);
    expect([count('latencySumUs'), latencies()]).to.deep.equal([25_000, 1]);
  });

  it('counts nothing for a request that was never answered', () => {
    const exchange = recorder.begin(headOf('GET', '/'), new FakeConnection());
    recorder.finish(exchange, 0);
    expect([count('requests'), latencies()]).to.deep.equal([0, 0]);
  });

  it('takes what could not be read as a request that ends the connection', () => {
    const parser = new RequestParser({ maxUrlBytes: 100, maxHeaderBytes: 100 });
    parser.feed(Buffer.from('\x00'), 1);
    expect(parser.next()).to.equal('error');
    expect(recorder.begin(parser.head, new FakeConnection())).to.include({ keepAlive: false, minor: 1 });
  });
});
