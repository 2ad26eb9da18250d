import { expect } from 'chai';
import { type JobSample, LISTED_JOBS, summariseJobs } from '../../../src/stats/jobs.js';
import { jobSample } from '../../helpers/stats-sample.js';

const NOW_MS = jobSample().createdMs + 60_000;

/** Over the last two seconds. */
function summary(jobs: readonly JobSample[], previous: readonly JobSample[] = jobs, elapsedMs = 2000) {
  return summariseJobs(jobs, { previous, nowMs: NOW_MS, elapsedMs });
}

describe('stats/jobs', () => {
  it('counts jobs by state, and adds up what they hold', () => {
    const jobs = [
      jobSample({ job: 'a' }),
      jobSample({ job: 'b', state: 'sealed', receiving: 2 }),
      jobSample({ job: 'c', state: 'done', receiving: 0 }),
      jobSample({ job: 'd', state: 'done', receiving: 0 }),
      jobSample({ job: 'e', state: 'failed', receiving: 0, bytes: 1 }),
    ];
    expect(summary(jobs)).to.include({ open: 1, sealed: 1, done: 2, failed: 1 });
    expect(summary(jobs)).to.include({ receiving: 3, heldBytes: 16_001, bytesPerSecond: 0 });
  });

  it('is all zeros without jobs', () => {
    const none = { open: 0, sealed: 0, done: 0, failed: 0, heldBytes: 0, receiving: 0, bytesPerSecond: 0 };
    expect(summary([])).to.deep.equal({ ...none, list: [] });
  });

  it('tells of each job, without a number of parts where there is none', () => {
    expect(summary([jobSample({ expectedParts: undefined })]).list).to.deep.equal([
      {
        job: 'render',
        state: 'open',
        reducer: 'concat',
        parts: 1,
        expectedParts: null,
        bytes: 4000,
        reducedBytes: 3000,
        receiving: 1,
        bytesPerSecond: 0,
      },
    ]);
  });

  it('lists those under way first, the newest first, and no more than a page', () => {
    const many = Array.from({ length: LISTED_JOBS + 10 }, (_, i) =>
      jobSample({ job: String(i), state: i % 3 === 0 ? 'open' : 'done', createdMs: i }),
    );
    const { list, done } = summary(many);
    expect(list).to.have.lengthOf(LISTED_JOBS);
    expect(list.slice(0, 3).map(({ job }) => job)).to.deep.equal(['57', '54', '51']);
    expect(list.slice(20, 23).map(({ job }) => job)).to.deep.equal(['59', '58', '56']);
    expect(done, 'all are counted').to.equal(40);
  });

  describe('rates', () => {
    const rates = (now: Partial<JobSample>, before: Partial<JobSample> | undefined, elapsedMs?: number) => {
      const { list, bytesPerSecond } = summary(
        [jobSample(now)],
        before === undefined ? [] : [jobSample(before)],
        elapsedMs,
      );
      expect(list[0]!.bytesPerSecond).to.equal(bytesPerSecond);
      return bytesPerSecond;
    };

    it('are of all bytes that came, of parts that are whole and of others', () => {
      expect(rates({ bytes: 9000, receivingBytes: 500 }, { bytes: 4000, receivingBytes: 1000 })).to.equal(
        2250,
      );
    });

    it('do not jump when a part becomes whole', () => {
      expect(rates({ bytes: 5000, receivingBytes: 0 }, { bytes: 4000, receivingBytes: 1000 })).to.equal(0);
    });

    it('are not below zero when a part is broken off', () => {
      expect(rates({ receivingBytes: 0 }, { receivingBytes: 1000 })).to.equal(0);
    });

    it('are from nothing for a job that was made in the interval', () => {
      expect(rates({ createdMs: NOW_MS - 1000 }, undefined)).to.equal(2500);
    });

    it('are from nothing for another job of the same name', () => {
      expect(rates({ createdMs: NOW_MS - 1000 }, { createdMs: 5, bytes: 90_000 })).to.equal(2500);
    });

    it('are nothing for an old job that an owner has found on disk', () => {
      expect(rates({}, undefined)).to.equal(0);
    });

    it('are nothing when no time has passed', () => {
      expect(rates({ bytes: 9000 }, { bytes: 0 }, 0)).to.equal(0);
    });
  });
});
