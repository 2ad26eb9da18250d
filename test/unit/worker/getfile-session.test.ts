import { expect } from 'chai';
import { errorReply, textReply } from '../../../src/http/error-reply.js';
import type { Reply } from '../../../src/http/reply.js';
import { FakeFile } from '../../helpers/fake-connection.js';
import { GetFileBench } from '../../helpers/getfile-bench.js';
import { Later } from '../../helpers/later.js';
import { LIMITS, settled } from '../../helpers/session-bench.js';

const REQUEST = 'GETFILE GET /a.txt\r\n\r\n';
const INVALID = 'GETFILE INVALID\r\n\r\n';

function onDisk(file: FakeFile, length: number, status = 200): Reply {
  return { status, fields: '', body: { file, parts: [{ offset: 0, length }] }, cache: 'MISS', close: false };
}

describe('worker/getfile-session', () => {
  let bench: GetFileBench;
  beforeEach(() => {
    bench = new GetFileBench();
  });

  describe('a request', () => {
    it('is answered with the length and the bytes, and the connection is closed', async () => {
      bench.connection.receive(REQUEST);
      expect(bench.said).to.equal('GETFILE OK 5\r\n\r\nhello');
      expect([bench.connection.closing, bench.connection.destroyed]).to.deep.equal([true, false]);
      bench.connection.flush();
      await settled();
      expect([bench.connection.destroyed, bench.gone]).to.deep.equal([true, 1]);
      expect(bench.counts('requests', 'status200', 'aborts')).to.deep.equal([1, 1, 0]);
    });

    it('is answered when its last byte has come', () => {
      for (const byte of REQUEST.slice(0, -1)) bench.connection.receive(byte);
      expect(bench.said).to.equal('');
      bench.connection.receive('\n');
      expect(bench.said).to.equal('GETFILE OK 5\r\n\r\nhello');
    });

    it('of a client that has closed its direction is answered all the same', async () => {
      const answer = new Later<Reply>();
      bench.answer = answer.promise;
      bench.connection.receive(REQUEST);
      bench.session.onEnd();
      answer.resolve(textReply(200, 'text/plain', 'late'));
      await settled();
      expect(bench.said).to.equal('GETFILE OK 4\r\n\r\nlate');
    });

    it('with more behind it is answered once; the rest is read, so that the reply arrives', async () => {
      bench.connection.receive(REQUEST + REQUEST);
      expect(bench.said).to.equal('GETFILE OK 5\r\n\r\nhello');
      expect([bench.connection.ended, bench.connection.closing]).to.deep.equal([true, false]);
      bench.connection.flush();
      bench.connection.receive(REQUEST);
      await bench.pass(3000);
      expect([bench.connection.destroyed, ...bench.counts('requests', 'timeouts')]).to.deep.equal([
        true,
        1,
        0,
      ]);
    });

    it('with more behind it, while the answer is looked for, leaves that with the kernel until then', async () => {
      const answer = new Later<Reply>();
      bench.answer = answer.promise;
      bench.connection.receive(REQUEST);
      bench.connection.receive('more');
      expect(bench.connection.paused).to.equal(true);
      answer.resolve(textReply(200, 'text/plain', 'late'));
      await settled();
      expect([bench.connection.paused, bench.connection.ended, bench.said]).to.deep.equal([
        false,
        true,
        'GETFILE OK 4\r\n\r\nlate',
      ]);
    });

    for (const [status, word] of [
      [404, 'FILE_NOT_FOUND'],
      [403, 'FILE_NOT_FOUND'],
      [400, 'FILE_NOT_FOUND'],
      [301, 'FILE_NOT_FOUND'],
      [500, 'ERROR'],
      [503, 'ERROR'],
    ] as const) {
      it(`that the file layer answers with ${status} gets ${word}, and no body`, () => {
        bench.answer = errorReply(status);
        bench.connection.receive(REQUEST);
        expect(bench.said).to.equal(`GETFILE ${word}\r\n\r\n`);
        const classes = bench.counts('requests', 'status3xx', 'status4xx', 'status5xx');
        const kind = Math.floor(status / 100);
        expect(classes).to.deep.equal([1, kind === 3 ? 1 : 0, kind === 4 ? 1 : 0, kind === 5 ? 1 : 0]);
      });
    }

    it('lets go of the file of a page for an error', () => {
      const file = new FakeFile();
      bench.answer = onDisk(file, 10, 404);
      bench.connection.receive(REQUEST);
      expect([bench.said, file.closed]).to.deep.equal(['GETFILE FILE_NOT_FOUND\r\n\r\n', 1]);
    });

    it('gets ERROR when there is a defect, which is reported', async () => {
      bench.answer = () => {
        throw new Error('a bug');
      };
      bench.connection.receive(REQUEST);
      expect([bench.said, bench.reports]).to.deep.equal([
        'GETFILE ERROR\r\n\r\n',
        ['a request could not be answered: a bug'],
      ]);
      const other = new GetFileBench();
      other.answer = Promise.reject(new Error('another'));
      other.connection.receive(REQUEST);
      await settled();
      expect([other.said, other.reports.length]).to.deep.equal(['GETFILE ERROR\r\n\r\n', 1]);
    });
  });

  describe('what is no request', () => {
    for (const [what, text] of [
      ['HTTP', 'GET / HTTP/1.1\r\n\r\n'],
      ['a path that is too long', `GETFILE GET /${'x'.repeat(LIMITS.maxUrlBytes)}`],
    ]) {
      it(`is told so: ${what}`, async () => {
        bench.connection.receive(text!);
        expect([bench.said, bench.connection.ended, bench.connection.closing]).to.deep.equal([
          INVALID,
          true,
          false,
        ]);
        bench.connection.flush();
        bench.connection.receive('and more');
        await bench.pass(3000);
        expect([bench.said, bench.gone]).to.deep.equal([INVALID, 1]);
        expect(bench.counts('requests', 'status4xx', 'aborts')).to.deep.equal([1, 1, 0]);
      });
    }

    it('is told so when the client ends in the midst of it', () => {
      bench.connection.receive('GETFILE GET /a');
      bench.session.onEnd();
      expect(bench.said).to.equal(INVALID);
    });

    it('is told so when it does not come to an end in time, however slowly it comes', async () => {
      bench.connection.receive('GETFILE GET /');
      for (let ms = 0; ms < LIMITS.headerMs - 1000; ms += 1000) {
        await bench.pass(1000);
        bench.connection.receive('a');
      }
      expect(bench.said).to.equal('');
      await bench.pass(2000);
      expect([bench.said, ...bench.counts('timeouts', 'requests')]).to.deep.equal([INVALID, 1, 1]);
    });

    it('nothing at all is not answered', async () => {
      await bench.pass(LIMITS.headerMs + 1000);
      expect([bench.said, bench.connection.ended]).to.deep.equal(['', true]);
      expect(bench.counts('timeouts', 'requests')).to.deep.equal([0, 0]);
      const other = new GetFileBench();
      other.session.onEnd();
      expect([other.said, other.connection.ended]).to.deep.equal(['', true]);
    });
  });

  describe('a file on disk', () => {
    it('is sent behind its length', async () => {
      const file = new FakeFile();
      bench.answer = onDisk(file, 1000);
      bench.connection.receive(REQUEST);
      expect(bench.said).to.equal('GETFILE OK 1000\r\n\r\n');
      bench.connection.flush();
      bench.connection.sending!.progress(1000);
      bench.connection.sending!.end('sent');
      await settled();
      expect([file.closed, bench.connection.destroyed, bench.gone]).to.deep.equal([1, true, 1]);
      expect(bench.counts('requests', 'aborts')).to.deep.equal([1, 0]);
    });

    for (const [what, end] of [
      ['changes', (sending: Sending) => sending.end('changed')],
      ['cannot be read', (sending: Sending) => sending.fail(new Error('EIO'))],
    ] as const) {
      it(`that ${what} is cut short`, async () => {
        bench.answer = onDisk(new FakeFile(), 1000);
        bench.connection.receive(REQUEST);
        bench.connection.flush();
        bench.connection.sending!.progress(500);
        end(bench.connection.sending!);
        await settled();
        expect([bench.connection.destroyed, bench.connection.ended, bench.gone]).to.deep.equal([
          true,
          false,
          1,
        ]);
        expect([bench.reports.length, ...bench.counts('aborts')]).to.deep.equal([1, 1]);
      });
    }

    it('that was opened for a client that has left is let go', async () => {
      const answer = new Later<Reply>();
      const file = new FakeFile();
      bench.answer = answer.promise;
      bench.connection.receive(REQUEST);
      bench.connection.destroy();
      await settled();
      answer.resolve(onDisk(file, 1000));
      await settled();
      expect([file.closed, bench.gone, ...bench.counts('requests', 'aborts')]).to.deep.equal([1, 1, 0, 1]);
    });

    it('goes on as long as the client takes some of it, and no longer', async () => {
      bench.answer = onDisk(new FakeFile(), 1000);
      bench.connection.receive(REQUEST);
      bench.connection.flush();
      for (let i = 0; i < 4; i++) {
        await bench.pass(LIMITS.writeMs - 1000);
        bench.connection.sending!.progress(1);
      }
      expect(bench.connection.destroyed).to.equal(false);
      await bench.pass(2 * LIMITS.writeMs + 1000);
      expect([bench.connection.destroyed, ...bench.counts('timeouts')]).to.deep.equal([true, 1]);
    });
  });

  it('cuts off a client that takes nothing of a reply from memory', async () => {
    bench.connection.receive(REQUEST);
    bench.connection.flush(3);
    await bench.pass(2 * LIMITS.writeMs + 1000);
    expect([bench.gone, ...bench.counts('timeouts', 'aborts')]).to.deep.equal([1, 1, 1]);
  });

  describe('drained', () => {
    it('by handing back, takes half a request along', () => {
      bench.connection.receive('GETFILE GET /a');
      bench.session.drain('hand-back');
      expect(bench.connection.handedBack!.toString()).to.equal('GETFILE GET /a');
      expect([bench.gone, bench.said]).to.deep.equal([1, '']);
    });

    it('by handing back, finishes a reply that is under way', async () => {
      const answer = new Later<Reply>();
      bench.answer = answer.promise;
      bench.connection.receive(REQUEST);
      bench.session.drain('hand-back');
      answer.resolve(textReply(200, 'text/plain', 'late'));
      await settled();
      bench.connection.flush();
      await settled();
      expect([bench.connection.handedBack, bench.said, bench.gone]).to.deep.equal([
        undefined,
        'GETFILE OK 4\r\n\r\nlate',
        1,
      ]);
    });

    it('by closing, gives a client a moment to ask', async () => {
      bench.session.drain('close');
      await bench.pass(500);
      bench.connection.receive(REQUEST);
      expect(bench.said).to.equal('GETFILE OK 5\r\n\r\nhello');
      const other = new GetFileBench();
      other.session.drain('close');
      await other.pass(2000);
      expect([other.said, other.connection.ended]).to.deep.equal(['', true]);
    });

    it('closes where it cannot be handed back', async () => {
      bench.connection.takesHandBack = false;
      bench.session.drain('hand-back');
      await bench.pass(2000);
      expect(bench.connection.ended).to.equal(true);
    });
  });
});

type Sending = NonNullable<GetFileBench['connection']['sending']>;
