import { expect } from 'chai';
import fc from 'fast-check';
import { BUCKETS, bucketOf, upperEdgeUs } from '../../../src/stats/histogram.js';
import { FIELD, HISTOGRAM_START, SEQ_END, SLOT_DOUBLES } from '../../../src/stats/schema.js';
import {
  difference,
  emptySlot,
  hitRatio,
  mergeSlots,
  PublishedTotals,
  retire,
  summarise,
  withoutLeaving,
} from '../../../src/stats/totals.js';
import { slotWith } from '../../helpers/stats-sample.js';

const anySlot = fc
  .array(fc.nat(1000), { minLength: SLOT_DOUBLES, maxLength: SLOT_DOUBLES })
  .map((values) => Float64Array.from(values));

describe('stats/totals', () => {
  describe('mergeSlots', () => {
    it('adds counters and histograms of the living and the departed', () => {
      const totals = mergeSlots(
        [slotWith({ requests: 3, bytesSent: 10 }, [5, 70]), slotWith({ requests: 4 })],
        [slotWith({ requests: 100, bytesSent: 7 }, [70])],
      );
      expect(totals[FIELD.requests]).to.equal(107);
      expect(totals[FIELD.bytesSent]).to.equal(17);
      expect(totals[HISTOGRAM_START + bucketOf(70)]).to.equal(2);
      expect(totals[FIELD.latencySumUs]).to.equal(145);
    });

    it('takes gauges only from the living', () => {
      const totals = mergeSlots([slotWith({ open: 2, rssBytes: 5 })], [slotWith({ open: 9, rssBytes: 9 })]);
      expect(totals[FIELD.open]).to.equal(2);
      expect(totals[FIELD.rssBytes]).to.equal(5);
    });

    it('lets the worst worker stand for the event-loop delay of all', () => {
      const totals = mergeSlots([slotWith({ loopDelayMaxUs: 200 }), slotWith({ loopDelayMaxUs: 900 })]);
      expect(totals[FIELD.loopDelayMaxUs]).to.equal(900);
    });

    it('is all zeros of nothing, and carries no sequence numbers', () => {
      expect(mergeSlots([])).to.deep.equal(emptySlot());
      const torn = emptySlot();
      torn[FIELD.seq] = 5;
      torn[SEQ_END] = 5;
      expect(mergeSlots([torn], [torn])).to.deep.equal(emptySlot());
    });

    it('gives the same counters whoever of the workers has died', () => {
      fc.assert(
        fc.property(fc.array(fc.tuple(anySlot, fc.boolean()), { maxLength: 5 }), (slots) => {
          const all = mergeSlots(slots.map(([slot]) => slot));
          const live = slots.filter(([, dead]) => !dead).map(([slot]) => slot);
          const departed = slots
            .filter(([, dead]) => dead)
            .reduce((sum, [slot]) => retire(sum, slot), emptySlot());
          const now = mergeSlots(live, [departed]);
          expect(now[FIELD.requests]).to.equal(all[FIELD.requests]);
          expect(now[FIELD.bytesSent]).to.equal(all[FIELD.bytesSent]);
          expect(now.subarray(HISTOGRAM_START, SEQ_END)).to.deep.equal(
            all.subarray(HISTOGRAM_START, SEQ_END),
          );
        }),
        { numRuns: 30 },
      );
    });
  });

  it('withoutLeaving leaves out what the kernel may not take', () => {
    const slot = slotWith({ bytesSent: 100, bytesLeaving: 30, requests: 2 });
    expect(withoutLeaving(slot)).to.deep.equal(slotWith({ bytesSent: 70, requests: 2 }));
    expect(slot[FIELD.bytesSent], 'the slot itself').to.equal(100);
  });

  describe('PublishedTotals', () => {
    it('holds a counter that is corrected downwards until the truth has caught up', () => {
      const published = new PublishedTotals();
      const seen = [100, 80, 99, 120].map(
        (bytesSent) => published.advance(slotWith({ bytesSent }))[FIELD.bytesSent],
      );
      expect(seen).to.deep.equal([100, 100, 100, 120]);
    });

    it('lets gauges go down', () => {
      const published = new PublishedTotals();
      published.advance(slotWith({ open: 7 }));
      expect(published.advance(slotWith({ open: 2 }))[FIELD.open]).to.equal(2);
    });

    it('is not changed by what is done to its results', () => {
      const published = new PublishedTotals();
      published.advance(slotWith({ requests: 5 })).fill(1e6);
      expect(published.advance(slotWith({ requests: 6 }))[FIELD.requests]).to.equal(6);
    });
  });

  it('difference subtracts counters and keeps gauges', () => {
    const recent = difference(slotWith({ requests: 9, open: 2 }, [5]), slotWith({ requests: 4, open: 6 }));
    expect(recent[FIELD.requests]).to.equal(5);
    expect(recent[FIELD.open]).to.equal(2);
    expect(recent[HISTOGRAM_START + 5]).to.equal(1);
  });

  describe('summarise', () => {
    const histogramOf = (values: readonly number[]): Float64Array => {
      const histogram = new Float64Array(BUCKETS);
      for (const us of values) histogram[bucketOf(us)]! += 1;
      return histogram;
    };

    it('is all null before the first response', () => {
      expect(summarise(new Float64Array(BUCKETS), 0)).to.deep.equal({
        mean: null,
        p50: null,
        p90: null,
        p99: null,
        p999: null,
        max: null,
      });
    });

    it('reads the percentiles off the buckets', () => {
      const values = [...Array(90).fill(100), ...Array(9).fill(1000), 60_000];
      const sum = values.reduce((a, b) => a + b, 0);
      expect(summarise(histogramOf(values), sum)).to.deep.equal({
        mean: 0.78,
        p50: 0.104,
        p90: 0.104,
        p99: 1.024,
        p999: 61.44,
        max: 61.44,
      });
    });

    it('never says less than the truth, nor more than one bucket beyond it', () => {
      fc.assert(
        fc.property(fc.array(fc.nat(60_000_000), { minLength: 1 }), (values) => {
          const sorted = [...values].sort((a, b) => a - b);
          const summary = summarise(histogramOf(values), 0);
          for (const [reported, q] of [
            [summary.p50!, 0.5],
            [summary.p90!, 0.9],
            [summary.max!, 1],
          ] as const) {
            const exact = sorted[Math.ceil(q * sorted.length) - 1]!;
            expect(reported * 1000).to.be.at.least(exact);
            expect(reported * 1000).to.be.at.most(exact * 1.125 + 1.001);
          }
        }),
      );
    });

    it('puts what is beyond all buckets into the last', () => {
      expect(summarise(histogramOf([1e12]), 1e12).max).to.equal(upperEdgeUs(BUCKETS - 1) / 1000);
    });
  });

  it('hitRatio counts revalidated entries as hits and bypassed lookups not at all', () => {
    expect(hitRatio(emptySlot())).to.equal(null);
    expect(hitRatio(slotWith({ cacheBypass: 9 }))).to.equal(null);
    const slot = slotWith({
      cacheHit: 5,
      cacheRevalidated: 1,
      cacheMiss: 1,
      cacheExpired: 1,
      cacheBypass: 9,
    });
    expect(hitRatio(slot)).to.equal(0.75);
  });
});
