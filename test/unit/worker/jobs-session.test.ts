import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import fc from 'fast-check';
import { JobError } from '../../../src/jobs/api.js';
import type { Reception } from '../../../src/jobs/reception.js';
import { TestDirectory } from '../../helpers/directory.js';
import { IDLE_MS, JobsBench, SHA256 } from '../../helpers/jobs-bench.js';
import { Later } from '../../helpers/later.js';
import { LIMITS, settled } from '../../helpers/session-bench.js';

const LINE = 'JOB j p\n';
const BAD_REQUEST = /^ERR bad-request [^\n]+\n$/;

describe('worker/jobs-session', () => {
  let bench: JobsBench;
  beforeEach(() => {
    bench = new JobsBench();
  });

  describe('a part', () => {
    it('is received until the client half-closes, and acknowledged when it is durable', async () => {
      await bench.receive(`${LINE}abc`);
      await bench.receive('def');
      expect(bench.announced).to.deep.equal({ job: 'j', part: 'p' });
      expect([bench.said, bench.reception.commits]).to.deep.equal(['', 0]);
      await bench.end();
      expect([bench.said, bench.reception.commits]).to.deep.equal(['', 1]);
      await bench.commit();
      expect(bench.said).to.equal(`OK 6 ${SHA256}\n`);
      expect(bench.reception.received.toString()).to.equal('abcdef');
      expect(bench.connection.closing).to.equal(true);
      bench.connection.flush();
      await settled();
      expect([bench.connection.destroyed, bench.gone, bench.reception.abandoned]).to.deep.equal([true, 1, 0]);
      expect(bench.counts('requests', 'status2xx', 'status200', 'aborts')).to.deep.equal([1, 1, 0, 0]);
    });

    it('that was there already is another status, and the same reply', async () => {
      await bench.receive(LINE);
      await bench.end();
      await bench.commit(false);
      expect([bench.said, ...bench.counts('status200')]).to.deep.equal([`OK 0 ${SHA256}\n`, 1]);
    });

    it('is taken byte by byte', async () => {
      for (const byte of `${LINE}\u0001\n`) await bench.receive(byte);
      await bench.end();
      expect(bench.reception.received.toString()).to.equal('\u0001\n');
    });

    it('waits with the kernel until the job is open, and so does the end', async () => {
      const opening = new Later<Reception>();
      bench.opening = opening.promise;
      await bench.receive(`${LINE}abc`);
      expect(bench.connection.paused).to.equal(true);
      // A transport that was just started reads on once.
      bench.session.onData(Buffer.from('def!'), 3);
      await bench.end();
      opening.resolve(bench.reception);
      await settled();
      expect([bench.reception.received.toString(), bench.reception.commits]).to.deep.equal(['abcdef', 1]);
    });

    it('is read no faster than it is taken', async () => {
      await bench.receive(LINE);
      const full = new Later<void>();
      bench.reception.full = full;
      await bench.receive('abc');
      expect(bench.connection.paused).to.equal(true);
      await bench.end();
      await bench.pass(IDLE_MS * 2);
      expect([bench.said, bench.reception.commits]).to.deep.equal(['', 0]);
      full.resolve();
      await settled();
      expect([bench.connection.paused, bench.reception.commits]).to.deep.equal([true, 1]);
    });

    it('goes on when there is room again', async () => {
      await bench.receive(LINE);
      bench.reception.full = new Later<void>();
      await bench.receive('abc');
      bench.reception.full.resolve();
      bench.reception.full = undefined;
      await settled();
      await bench.receive('def');
      expect(bench.reception.received.toString()).to.equal('abcdef');
    });

    for (const [bytes, offset, sent] of [
      [3, 0, 'ab'],
      [3, 2, ''],
    ] as const) {
      it(`of ${bytes} bytes from ${offset} on is not "${sent}"`, async () => {
        await bench.receive(`JOB j p bytes=${bytes} offset=${offset}\n${sent}`);
        await bench.end();
        expect(bench.said).to.match(/^ERR bad-request bytes=3 were announced, and/);
        expect([bench.reception.commits, bench.reception.abandoned]).to.deep.equal([0, 1]);
      });
    }

    it('of so many bytes as were announced is right', async () => {
      await bench.receive('JOB j p bytes=3 offset=2\nc');
      await bench.end();
      await bench.commit();
      expect(bench.said).to.match(/^OK /);
    });
  });

  describe('of a job of another worker', () => {
    beforeEach(() => {
      bench.owner = 2;
    });

    it('is handed over with all that was read', async () => {
      await bench.receive(`${LINE}abc`);
      expect(bench.connection.handedBack?.toString()).to.equal(`${LINE}abc`);
      expect([bench.connection.handedTo, bench.gone, bench.announced]).to.deep.equal([2, 1, undefined]);
      expect(bench.counts('requests', 'aborts')).to.deep.equal([0, 0]);
    });

    it('is received here when it cannot be handed over', async () => {
      bench.connection.takesHandBack = false;
      await bench.receive(`${LINE}abc`);
      expect(bench.reception.received.toString()).to.equal('abc');
    });

    it('is received here when it was just handed over', async () => {
      bench = new JobsBench({ isDirected: true });
      bench.owner = 2;
      await bench.receive(LINE);
      expect([bench.connection.handedBack, bench.announced?.job]).to.deep.equal([undefined, 'j']);
    });
  });

  describe('is refused', () => {
    it('when the line is none, of which there is no job', async () => {
      await bench.receive('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      expect(bench.said).to.match(BAD_REQUEST);
      expect(bench.announced).to.equal(undefined);
      // The rest is read, so that the reply arrives.
      expect([bench.connection.ended, bench.connection.closing, bench.connection.paused]).to.deep.equal([
        true,
        false,
        false,
      ]);
      expect(bench.counts('requests', 'status4xx')).to.deep.equal([1, 1]);
    });

    it('when the line is too long', async () => {
      await bench.receive('x'.repeat(5000));
      expect(bench.said).to.match(/^ERR bad-request the first line has more than 4096 bytes\n$/);
    });

    it('without the token', async () => {
      bench = new JobsBench({ token: 'abc' });
      bench.owner = 2;
      await bench.receive(LINE);
      expect(bench.said).to.match(/^ERR unauthorized /);
      expect(bench.connection.handedBack).to.equal(undefined);
    });

    it('not with the token', async () => {
      bench = new JobsBench({ token: 'abc' });
      await bench.receive('JOB j p token=abc\n');
      expect(bench.announced).to.deep.equal({ job: 'j', part: 'p' });
    });

    it('when the job takes none', async () => {
      bench.opening = Promise.reject(new JobError('job-sealed', 'the job "j" is sealed'));
      await bench.receive(`${LINE}abc`);
      expect(bench.said).to.equal('ERR job-sealed the job "j" is sealed\n');
      expect(bench.counts('status4xx')).to.deep.equal([1]);
    });

    it('from a wrong offset, which it is told', async () => {
      bench.opening = Promise.reject(new JobError('wrong-offset', 'go on elsewhere', 7));
      await bench.receive('JOB j p offset=9\n');
      expect(bench.said).to.equal('ERR wrong-offset go on elsewhere (offset=7)\n');
    });

    it('when it cannot be written', async () => {
      await bench.receive(LINE);
      bench.reception.problem = new JobError('part-too-large', 'too large');
      await bench.receive('abc');
      expect([bench.said, bench.reception.abandoned]).to.deep.equal(['ERR part-too-large too large\n', 1]);
      await bench.receive('more');
      await bench.end();
      expect([bench.reception.commits, ...bench.counts('requests')]).to.deep.equal([0, 1]);
    });

    it('when what came of it is kept, so that the client can go on at once', async () => {
      const kept = new Later<void>();
      bench.reception.kept = kept.promise;
      await bench.receive('JOB j p bytes=10\n12345');
      await bench.end();
      expect([bench.reception.abandoned, bench.said]).to.deep.equal([1, '']);
      kept.resolve();
      await settled();
      expect(bench.said).to.match(/^ERR bad-request bytes=10 /);
    });

    it('when there will never be room', async () => {
      await bench.receive(LINE);
      const full = new Later<void>();
      bench.reception.full = full;
      await bench.receive('abc');
      full.reject(new JobError('storage-full', 'the disk is full'));
      await settled();
      expect([bench.said, bench.connection.paused]).to.deep.equal([
        'ERR storage-full the disk is full\n',
        false,
      ]);
      expect([bench.reception.abandoned, ...bench.counts('status5xx')]).to.deep.equal([1, 1]);
    });

    it('when it cannot be made durable', async () => {
      await bench.receive(LINE);
      await bench.end();
      bench.reception.committed.reject(new JobError('part-differs', 'another "p" is there'));
      await settled();
      expect([bench.said, bench.reception.abandoned]).to.deep.equal([
        'ERR part-differs another "p" is there\n',
        0,
      ]);
      expect(bench.connection.closing).to.equal(true);
    });

    it('by a defect, which is reported', async () => {
      bench.opening = Promise.reject(new Error('oh'));
      await bench.receive(LINE);
      expect(bench.said).to.match(/^ERR internal the server could not do this/);
      expect(bench.reports).to.deep.equal(['a part of a job could not be received: oh']);
    });
  });

  describe('a client', () => {
    it('that ends in the middle of the line is told so', async () => {
      await bench.receive('JOB j');
      await bench.end();
      expect(bench.said).to.match(/^ERR bad-request the first line has no end\n$/);
    });

    it('that says nothing is told nothing', async () => {
      await bench.end();
      expect([bench.said, bench.connection.closing, ...bench.counts('requests')]).to.deep.equal([
        '',
        true,
        0,
      ]);
    });

    it('that does not finish its line has so much time', async () => {
      await bench.receive('JOB j');
      await bench.pass(LIMITS.headerMs - 250);
      expect(bench.said).to.equal('');
      await bench.pass(750);
      expect(bench.said).to.match(/^ERR timeout /);
      expect(bench.counts('timeouts', 'status4xx')).to.deep.equal([1, 1]);
    });

    it('that pauses in its part has so much time, after each of its bytes', async () => {
      await bench.receive(LINE);
      for (const byte of 'abc') {
        await bench.pass(IDLE_MS - 500);
        await bench.receive(byte);
      }
      expect(bench.said).to.equal('');
      await bench.pass(IDLE_MS + 750);
      expect(bench.said).to.equal('ERR timeout nothing has come for 40 seconds\n');
      expect([bench.reception.abandoned, ...bench.counts('timeouts')]).to.deep.equal([1, 1]);
    });

    it('may wait for as long as it takes to make its part durable', async () => {
      await bench.receive(LINE);
      await bench.end();
      await bench.pass(3_600_000);
      await bench.commit();
      expect(bench.said).to.match(/^OK /);
    });

    it('that does not take its reply is cut', async () => {
      await bench.receive(LINE);
      await bench.end();
      await bench.commit();
      await bench.pass(LIMITS.writeMs + 750);
      expect([bench.connection.destroyed, ...bench.counts('timeouts', 'aborts')]).to.deep.equal([true, 1, 1]);
    });

    it('that goes on after an error is cut after a while', async () => {
      await bench.receive('no\n');
      bench.connection.flush();
      await bench.receive('more');
      await bench.pass(3000);
      expect([bench.connection.destroyed, bench.gone, ...bench.counts('aborts')]).to.deep.equal([true, 1, 0]);
    });

    it('that is gone in the middle of its part leaves none', async () => {
      await bench.receive(`${LINE}abc`);
      bench.connection.destroy();
      await settled();
      expect([bench.reception.abandoned, bench.reception.commits, bench.gone]).to.deep.equal([1, 0, 1]);
      expect(bench.counts('aborts')).to.deep.equal([1]);
    });

    it('that is gone while the job is opened leaves none', async () => {
      const opening = new Later<Reception>();
      bench.opening = opening.promise;
      await bench.receive(LINE);
      bench.connection.destroy();
      await settled();
      opening.resolve(bench.reception);
      await settled();
      expect([bench.reception.abandoned, bench.said]).to.deep.equal([1, '']);
    });

    it('that is gone behind the end of its part has sent it', async () => {
      await bench.receive(LINE);
      await bench.end();
      bench.connection.destroy();
      await settled();
      await bench.commit();
      expect([bench.reception.abandoned, bench.said, ...bench.counts('aborts')]).to.deep.equal([0, '', 1]);
    });
  });

  describe('when the worker leaves', () => {
    it('hands over who has not said what comes', () => {
      bench.connection.receive('JOB');
      bench.session.drain('hand-back');
      expect(bench.connection.handedBack?.toString()).to.equal('JOB');
      expect([bench.connection.handedTo, bench.gone]).to.deep.equal([undefined, 1]);
    });

    it('gives a little time to who cannot be handed over', async () => {
      bench.session.drain('close');
      await bench.pass(500);
      expect(bench.connection.ended).to.equal(false);
      await bench.pass(1500);
      expect(bench.connection.ended).to.equal(true);
    });

    it('receives what has begun', async () => {
      await bench.receive(`${LINE}abc`);
      bench.session.drain('hand-back');
      await bench.pass(5000);
      await bench.receive('def');
      await bench.end();
      await bench.commit();
      expect(bench.said).to.match(/^OK 6 /);
    });

    it('drops what has not ended when the time is over', async () => {
      await bench.receive(`${LINE}abc`);
      bench.session.drain('close');
      bench.session.destroy();
      await settled();
      expect(bench.reception.abandoned).to.equal(1);
    });
  });

  it('is in the access log, as over HTTP', async () => {
    const directory = new TestDirectory({});
    try {
      const logFile = directory.at('access.log');
      bench = new JobsBench({ logFile });
      await bench.receive('JOB a%20b caf%C3%A9\nabc');
      await bench.end();
      await bench.commit();
      bench.connection.flush();
      await bench.closeLog();
      expect(readFileSync(logFile, 'latin1')).to.match(
        /^192\.0\.2\.1 - - \[[^\]]+\] "PUT \/jobs\/a%20b\/parts\/caf%C3%A9 JOBS" 201 70 "-" "-" /,
      );
    } finally {
      directory.remove();
    }
  });

  it('answers once, commits or abandons once, and ends, whatever happens when', async () => {
    const step = fc.oneof(
      fc.record({
        kind: fc.constant('receive' as const),
        text: fc.constantFrom('JOB j', ' p', '\n', LINE, 'abc'),
      }),
      fc.constantFrom(
        ...(['end', 'full', 'room', 'flush', 'drain', 'pass', 'gone'] as const).map((kind) => ({ kind })),
      ),
      fc.constantFrom(...(['open', 'refuse', 'commit', 'fail'] as const).map((kind) => ({ kind }))),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 20 }), async (steps) => {
        const one = new JobsBench();
        const opening = new Later<Reception>();
        one.opening = opening.promise;
        const { connection, reception, session } = one;
        // Nobody waits for them when they come first.
        for (const { promise } of [opening, reception.committed]) promise.catch(() => undefined);
        let hasEnded = false;
        for (const each of steps) {
          if (one.gone > 0) break;
          const error = new JobError('storage-full', 'no');
          if (each.kind === 'receive') {
            if (!connection.paused && !hasEnded && !connection.destroyed) connection.receive(each.text);
          } else if (each.kind === 'end' && !hasEnded && !connection.paused) {
            hasEnded = true;
            session.onEnd();
          } else if (each.kind === 'full') reception.full = new Later();
          else if (each.kind === 'room') {
            reception.full?.resolve();
            reception.full = undefined;
          } else if (each.kind === 'flush' && connection.unsentBytes > 0) connection.flush();
          else if (each.kind === 'drain') session.drain('close');
          else if (each.kind === 'pass') await one.pass(IDLE_MS + 1000);
          else if (each.kind === 'gone') connection.destroy();
          else if (each.kind === 'open') opening.resolve(reception);
          else if (each.kind === 'refuse') opening.reject(error);
          else if (each.kind === 'commit') await one.commit();
          else if (each.kind === 'fail') reception.committed.reject(error);
          await settled();
        }
        opening.resolve(reception);
        reception.full?.resolve();
        connection.destroy();
        await one.commit();
        expect(one.gone).to.equal(1);
        expect(one.said).to.match(/^(OK \d+ \w+\n|ERR [a-z-]+ [^\n]+\n)?$/);
        expect(reception.commits + reception.abandoned).to.be.at.most(1);
        if (one.said.startsWith('OK')) expect(reception.commits).to.equal(1);
        expect(one.reports).to.deep.equal([]);
      }),
      { numRuns: 150 },
    );
  });
});
