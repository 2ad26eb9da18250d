import { expect } from 'chai';
import fc from 'fast-check';
import { type JobAnswer, JobError, type JobRequest } from '../../../src/jobs/api.js';
import { type FakeJobsWorker, JobsDeskBench, statusOf } from '../../helpers/jobs-desk-bench.js';

/** What becomes of a promise, to be looked at when all messages were delivered. */
interface Outcome<T> {
  value?: T;
  error?: unknown;
}

function watch<T>(promise: Promise<T>): Outcome<T> {
  const outcome: Outcome<T> = {};
  promise.then(
    (value) => {
      outcome.value = value;
    },
    (error: unknown) => {
      outcome.error = error;
    },
  );
  return outcome;
}

const SEAL: JobRequest = { op: 'seal', job: 'j' };

describe('master/jobs-desk', () => {
  let bench: JobsDeskBench;
  let one: FakeJobsWorker;
  let two: FakeJobsWorker;
  let three: FakeJobsWorker;

  beforeEach(async () => {
    bench = new JobsDeskBench();
    [one, two, three] = bench.start(1, 2, 3) as [FakeJobsWorker, FakeJobsWorker, FakeJobsWorker];
    await bench.settle();
    bench.desk.serve([one, two, three]);
    await bench.settle();
  });

  describe('members', () => {
    const membersOf = ({ link }: FakeJobsWorker): unknown[] => [link.place, link.members];

    it('are told to all, and each its own place', () => {
      expect([one, two, three].map(membersOf)).to.deep.equal([
        [1, [1, 2, 3]],
        [2, [1, 2, 3]],
        [3, [1, 2, 3]],
      ]);
    });

    it('are told again when they change, and not when they do not', () => {
      for (const worker of [one, two, three]) expect(worker.incoming).to.deep.equal([]);
      bench.desk.serve([three, two, one]);
      expect(one.incoming).to.deep.equal([]);
      bench.desk.serve([one, two]);
      expect(one.incoming).to.deep.equal([{ op: 'members', places: [1, 2], isMember: true }]);
      expect(three.incoming).to.deep.equal([{ op: 'members', places: [1, 2], isMember: false }]);
    });

    it('change when one dies, and when another takes its place', async () => {
      let changes = 0;
      one.link.onMembers(() => changes++);
      bench.kill(two);
      await bench.settle();
      expect([membersOf(one), changes]).to.deep.equal([[1, [1, 3]], 1]);
      const [again] = bench.start(2) as [FakeJobsWorker];
      await bench.settle();
      expect([membersOf(again), changes]).to.deep.equal([[0, [1, 3]], 1]);
      bench.desk.serve([one, again, three]);
      await bench.settle();
      expect([membersOf(one), membersOf(again)]).to.deep.equal([
        [1, [1, 2, 3]],
        [2, [1, 2, 3]],
      ]);
    });

    it('are the new ones of a reload; the old ones are none, though their places are the same', async () => {
      const fresh = bench.start(1, 2, 3);
      await bench.settle();
      bench.desk.serve(fresh);
      await bench.settle();
      expect([one, ...fresh].map(membersOf)).to.deep.equal([
        [0, [1, 2, 3]],
        [1, [1, 2, 3]],
        [2, [1, 2, 3]],
        [3, [1, 2, 3]],
      ]);
    });

    it('are only those that take part', async () => {
      const silent = bench.start(4)[0]!;
      bench.desk.serve([one, silent]);
      expect(silent.incoming).to.deep.equal([]);
      await bench.settle();
      expect(membersOf(silent)).to.deep.equal([4, [1, 4]]);
    });
  });

  describe('a claim', () => {
    it('is granted at once when nobody has the job', async () => {
      const claimed = watch(one.link.claim('j'));
      await bench.settle();
      expect(claimed).to.have.property('value');
    });

    it('is not passed to another before the job is given up, which is asked for', async () => {
      const wanted: string[] = [];
      one.link.onWanted((job) => wanted.push(job));
      await Promise.all([one.link.claim('j'), bench.settle()]);
      const claimed = watch(two.link.claim('j'));
      await bench.settle();
      expect([claimed, wanted]).to.deep.equal([{}, ['j']]);
      one.link.released('j');
      await bench.settle();
      expect(claimed).to.have.property('value');
    });

    it('goes to those that wait in turn, and each but the last hears that it is wanted', async () => {
      const order: string[] = [];
      for (const worker of [one, two, three]) {
        worker.link.onWanted((job) => {
          order.push(`${worker.place} gives up`);
          worker.link.released(job);
        });
        void worker.link.claim('j').then(() => order.push(`${worker.place} has it`));
        bench.hear(worker);
      }
      await bench.settle();
      expect(order).to.deep.equal(['1 has it', '1 gives up', '2 has it', '2 gives up', '3 has it']);
    });

    it('is heard of before it is wanted, even when both messages come together', async () => {
      const order: string[] = [];
      one.link.onWanted(() => order.push('wanted'));
      void one.link.claim('j').then(() => order.push('granted'));
      void two.link.claim('j');
      bench.hear(one);
      bench.hear(two);
      await bench.settle();
      expect(order).to.deep.equal(['granted', 'wanted']);
    });

    it('of a dead worker is nobody’s', async () => {
      await Promise.all([one.link.claim('j'), one.link.claim('k'), bench.settle()]);
      const claimed = watch(two.link.claim('j'));
      await bench.settle();
      bench.kill(one);
      await bench.settle();
      expect(claimed).to.have.property('value');
      const other = watch(three.link.claim('k'));
      await bench.settle();
      expect(other).to.have.property('value');
    });

    it('is not granted to a worker that died while it waited', async () => {
      await Promise.all([one.link.claim('j'), bench.settle()]);
      void two.link.claim('j');
      const third = watch(three.link.claim('j'));
      await bench.settle();
      bench.kill(two);
      one.link.released('j');
      await bench.settle();
      expect(third).to.have.property('value');
    });

    it('of a worker that leaves is its own until it gives it up or ends', async () => {
      await Promise.all([one.link.claim('j'), bench.settle()]);
      const [again] = bench.start(1) as [FakeJobsWorker];
      await bench.settle();
      bench.desk.serve([again, two, three]);
      const claimed = watch(again.link.claim('j'));
      await bench.settle();
      expect(claimed).to.deep.equal({});
      bench.kill(one);
      await bench.settle();
      expect(claimed).to.have.property('value');
    });

    it('that arrives when its worker was seen to end is granted to nobody', async () => {
      void two.link.claim('j');
      const late = two.outgoing.splice(0);
      bench.kill(two);
      for (const message of late) bench.desk.receive(two, message);
      const claimed = watch(one.link.claim('j'));
      await bench.settle();
      expect(claimed).to.have.property('value');
    });

    it('may be made again by whoever has it, and is one', async () => {
      await Promise.all([one.link.claim('j'), one.link.claim('j'), bench.settle()]);
      await one.link.claim('j');
      one.link.released('j');
      one.link.released('j');
      const claimed = watch(two.link.claim('j'));
      await bench.settle();
      expect(claimed).to.have.property('value');
    });

    it('is refused without a master', async () => {
      one.isDead = true;
      const error = await one.link.claim('j').catch((reason: unknown) => reason);
      expect(error).to.be.instanceOf(JobError).and.to.include({ code: 'owner-lost', status: 503 });
    });

    it('is never two workers’ at once, whatever they do and whoever dies', async () => {
      const step = fc.record({
        kind: fc.constantFrom('claim', 'release', 'hear', 'deliver', 'kill'),
        worker: fc.nat(3),
        job: fc.constantFrom('j', 'k'),
      });
      const property = fc.asyncProperty(fc.array(step, { maxLength: 80 }), async (steps) => {
        const subject = new JobsDeskBench();
        const has = new Map<string, Set<FakeJobsWorker>>([
          ['j', new Set()],
          ['k', new Set()],
        ]);
        const asked = new Map<FakeJobsWorker, Set<string>>();
        const all = subject.start(1, 2, 3, 4);
        const release = (worker: FakeJobsWorker, job: string): void => {
          if (!has.get(job)!.delete(worker)) return;
          asked.get(worker)!.delete(job);
          worker.link.released(job);
        };
        for (const worker of all) {
          asked.set(worker, new Set());
          worker.link.onWanted((job) => release(worker, job));
        }
        const claim = (worker: FakeJobsWorker, job: string): void => {
          if (asked.get(worker)!.has(job)) return;
          asked.get(worker)!.add(job);
          void worker.link.claim(job).then(() => {
            // It died before it could hear of it.
            if (worker.isDead) return;
            has.get(job)!.add(worker);
            expect(has.get(job)!.size, 'workers that have it').to.equal(1);
          });
        };
        for (const { kind, worker: at, job } of steps) {
          const worker = all[at]!;
          if (worker.isDead) continue;
          if (kind === 'claim') claim(worker, job);
          else if (kind === 'release') release(worker, job);
          else if (kind === 'hear') subject.hear(worker);
          else if (kind === 'deliver') {
            for (const message of worker.incoming.splice(0)) worker.link.receive(message);
            await Promise.resolve();
            await Promise.resolve();
          } else {
            for (const held of has.values()) held.delete(worker);
            subject.kill(worker);
          }
        }
        await subject.settle();
        // Whoever still waits will have it, because those that have it give it up.
        const waiting = all.filter((worker) => !worker.isDead && asked.get(worker)!.size > 0);
        for (const worker of waiting)
          for (const job of asked.get(worker)!) expect(has.get(job)!.has(worker)).to.equal(true);
      });
      await fc.assert(property, { numRuns: 200 });
    });
  });

  describe('a call', () => {
    const answerOf = (worker: FakeJobsWorker): JobAnswer => ({ status: statusOf(`at ${worker.place}`) });

    beforeEach(() => {
      for (const worker of [one, two, three]) worker.link.onCall(async () => answerOf(worker));
    });

    it('is answered by the worker at that place', async () => {
      const calls = [one.link.call(2, SEAL), one.link.call(3, SEAL), two.link.call(3, SEAL)].map(watch);
      await bench.settle();
      expect(calls).to.deep.equal([two, three, three].map((worker) => ({ value: answerOf(worker) })));
    });

    it('carries what is asked, and the error that is the answer', async () => {
      let asked: JobRequest | undefined;
      two.link.onCall(async (request) => {
        asked = request;
        throw new JobError('wrong-offset', 'not there', 7);
      });
      const request: JobRequest = { op: 'admit', job: 'jöb', part: 'p', bytes: 3 };
      const call = watch(one.link.call(2, request));
      await bench.settle();
      expect(asked).to.deep.equal(request);
      expect(call.error).to.be.instanceOf(JobError);
      expect(call.error).to.include({ code: 'wrong-offset', message: 'not there', offset: 7, status: 409 });
    });

    it('that meets a defect is answered too, and reported', async () => {
      two.link.onCall(() => Promise.reject(new TypeError('oops')));
      const call = watch(one.link.call(2, SEAL));
      await bench.settle();
      expect(call.error).to.include({ code: 'storage-failed', message: 'oops' });
      expect(two.reports).to.deep.equal(['job j: seal failed: oops']);
    });

    it('to a place where nobody serves is lost at once', async () => {
      const call = watch(one.link.call(9, SEAL));
      await bench.settle();
      expect(call.error).to.be.instanceOf(JobError).and.to.include({ code: 'owner-lost' });
    });

    it('goes to the worker that serves at that place, and not to one that leaves', async () => {
      const [again] = bench.start(2) as [FakeJobsWorker];
      again.link.onCall(async () => ({ status: statusOf('the new one') }));
      await bench.settle();
      bench.desk.serve([one, again, three]);
      const calls = [watch(one.link.call(2, SEAL)), watch(two.link.call(2, SEAL))];
      await bench.settle();
      expect(calls.map(({ value }) => value?.status?.job)).to.deep.equal(['the new one', 'the new one']);
    });

    it('is answered by a worker that was told to leave meanwhile', async () => {
      const call = watch(one.link.call(2, SEAL));
      bench.hear(one);
      bench.desk.serve([one, three]);
      await bench.settle();
      expect(call.value).to.deep.equal(answerOf(two));
    });

    for (const [when, deliver] of [
      ['before it has heard of it', 0],
      ['before it has answered', 1],
      ['before it could be told to others', 2],
    ] as const) {
      it(`to a worker that dies ${when} is lost`, async () => {
        two.link.onCall(() => new Promise(() => undefined));
        const call = watch(one.link.call(2, SEAL));
        if (deliver > 0) bench.hear(one);
        if (deliver > 1) for (const message of two.incoming.splice(0)) two.link.receive(message);
        bench.kill(two);
        await bench.settle();
        expect(call.error).to.include({ code: 'owner-lost' });
      });
    }

    it('whose answer was sent before the worker died is answered, once', async () => {
      const call = watch(one.link.call(2, SEAL));
      bench.hear(one);
      for (const message of two.incoming.splice(0)) two.link.receive(message);
      await new Promise((resolve) => setImmediate(resolve));
      bench.kill(two);
      expect(one.incoming.filter(({ op }) => op === 'reply')).to.have.length(1);
      await bench.settle();
      expect(call.value).to.deep.equal(answerOf(two));
    });

    it('of a worker that dies is answered to nobody', async () => {
      void one.link.call(2, SEAL);
      bench.hear(one);
      bench.kill(one);
      await bench.settle();
      expect(one.incoming.filter(({ op }) => op === 'reply')).to.deep.equal([]);
    });

    it('answered by another worker than was asked is not answered', async () => {
      const call = watch(one.link.call(2, SEAL));
      bench.hear(one);
      const { id } = two.incoming.find((message) => message.op === 'call')!;
      bench.desk.receive(three, { op: 'reply', id, outcome: { answer: {} } });
      await bench.settle();
      expect(call.value).to.deep.equal(answerOf(two));
    });
  });

  describe('the table of jobs', () => {
    it('is what the owners have published, sorted by name', async () => {
      await Promise.all([one.link.claim('b'), two.link.claim('a'), bench.settle()]);
      one.link.publish([statusOf('b')], []);
      two.link.publish([statusOf('a', { bytes: 7 })], []);
      const list = watch(three.link.list());
      await bench.settle();
      expect(list.value).to.deep.equal([statusOf('a', { bytes: 7 }), statusOf('b')]);
      expect(bench.desk.statuses()).to.deep.equal(list.value);
    });

    it('takes nothing from whoever has not claimed the job', async () => {
      await Promise.all([one.link.claim('j'), bench.settle()]);
      one.link.publish([statusOf('j', { parts: 5 })], []);
      await bench.settle();
      two.link.publish([statusOf('j', { parts: 1 }), statusOf('k')], ['j']);
      await bench.settle();
      expect(bench.desk.statuses()).to.deep.equal([statusOf('j', { parts: 5 })]);
    });

    it('forgets what is no longer there', async () => {
      await Promise.all([one.link.claim('j'), bench.settle()]);
      one.link.publish([statusOf('j')], []);
      one.link.publish([], ['j']);
      await bench.settle();
      expect(bench.desk.statuses()).to.deep.equal([]);
    });

    for (const how of ['dies', 'gives it up'] as const) {
      it(`keeps a job whose owner ${how}, of which nothing is received then`, async () => {
        await Promise.all([one.link.claim('j'), bench.settle()]);
        one.link.publish([statusOf('j', { receiving: 3, receivingBytes: 99 })], []);
        await bench.settle();
        if (how === 'dies') bench.kill(one);
        else one.link.released('j');
        await bench.settle();
        expect(bench.desk.statuses()).to.deep.equal([statusOf('j')]);
      });
    }
  });
});
