import { expect } from 'chai';
import { textReply } from '../../../src/http/error-reply.js';
import type { Reply } from '../../../src/http/reply.js';
import { PreparedReply } from '../../../src/http/serialise.js';
import { Later } from '../../helpers/later.js';
import { get, LIMITS, SessionBench, settled } from '../../helpers/session-bench.js';

const PREPARED = new PreparedReply(
  200,
  'Content-Type: text/plain\r\nContent-Length: 3\r\n',
  Buffer.from('abc'),
  'HIT',
);

describe('worker/session: drain', () => {
  let bench: SessionBench;

  beforeEach(() => {
    bench = new SessionBench();
  });

  describe('by closing', () => {
    it('closes an idle connection at once', () => {
      bench.exchange(get('/'));
      bench.session.drain('close');
      expect(bench.connection.ended).to.equal(true);
    });

    it('finishes the response under way, and says that it is the last', async () => {
      const answer = new Later<Reply>();
      bench.answers.set('/', answer.promise);
      bench.connection.receive(get('/') + get('/2'));
      bench.session.drain('close');
      expect(bench.connection.ended).to.equal(false);
      answer.resolve(PREPARED);
      await settled();
      expect(bench.statuses()).to.deep.equal([200]);
      expect(bench.responses()[0]!.field('connection')).to.equal('close');
      expect(bench.connection.ended).to.equal(true);
    });

    it('answers what was asked half before', () => {
      bench.exchange(`${get('/')}GET /2 HT`);
      bench.session.drain('close');
      expect(bench.connection.ended).to.equal(false);
      bench.exchange('TP/1.1\r\nHost: a\r\n\r\n');
      expect(bench.statuses()).to.deep.equal([200, 200]);
      expect(bench.responses()[1]!.field('connection')).to.equal('close');
    });

    it('gives a connection that has asked nothing yet a moment to do so', async () => {
      bench.session.drain('close');
      expect(bench.connection.ended).to.equal(false);
      await bench.pass(500);
      bench.exchange(get('/'));
      expect(bench.statuses()).to.deep.equal([200]);
      expect(bench.connection.ended).to.equal(true);
    });

    it('gives it no longer than that', async () => {
      await bench.pass(20_000);
      bench.session.drain('close');
      await bench.pass(3000);
      expect(bench.connection.ended).to.equal(true);
      expect(bench.connection.written.length).to.equal(0);
    });

    it('reads a body to its end first', () => {
      bench.connection.receive('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\na');
      bench.session.drain('close');
      bench.exchange('bc');
      expect(bench.statuses()).to.deep.equal([200]);
      expect(bench.connection.ended).to.equal(true);
    });

    it('lets a slow reader have what was written', async () => {
      bench.connection.receive(get('/'));
      bench.session.drain('close');
      expect(bench.connection.destroyed).to.equal(false);
      bench.connection.flush();
      expect(bench.connection.ended).to.equal(true);
      await bench.pass(5000);
      expect(bench.gone).to.equal(1);
    });
  });

  describe('evened out', () => {
    it('is handed back between requests, and not in the midst of one', () => {
      bench.exchange(get('/1'));
      bench.connection.receive('GET /2 HT');
      bench.session.moveOn();
      expect(bench.connection.handedBack).to.equal(undefined);
      bench.exchange('TP/1.1\r\nHost: a\r\n\r\n');
      expect(bench.statuses()).to.deep.equal([200, 200]);
      expect(bench.connection.handedBack).to.deep.equal(Buffer.alloc(0));
    });

    it('is not to be moved before it has asked anything: its time would begin anew', () => {
      expect(bench.session.isMovable).to.equal(false);
      bench.exchange(get('/1'));
      expect(bench.session.isMovable).to.equal(true);
    });

    it('goes on where it is when it cannot be handed back', () => {
      bench.exchange(get('/1'));
      bench.connection.takesHandBack = false;
      bench.session.moveOn();
      bench.exchange(get('/2'));
      expect(bench.statuses()).to.deep.equal([200, 200]);
      expect(bench.connection.ended).to.equal(false);
    });
  });

  describe('by handing back', () => {
    it('gives an idle connection away at once', () => {
      bench.exchange(get('/'));
      bench.session.drain('hand-back');
      expect(bench.connection.handedBack).to.deep.equal(Buffer.alloc(0));
      expect([bench.connection.ended, bench.connection.destroyed, bench.gone]).to.deep.equal([
        false,
        false,
        1,
      ]);
    });

    it('gives away a connection that has asked nothing yet', () => {
      bench.session.drain('hand-back');
      expect(bench.connection.handedBack).to.deep.equal(Buffer.alloc(0));
    });

    it('gives the bytes along that were read and not used', () => {
      bench.exchange(`${get('/')}GET /2 HT`);
      bench.session.drain('hand-back');
      expect(bench.connection.handedBack!.toString()).to.equal('GET /2 HT');
    });

    it('answers every whole request first, and gives away the rest', async () => {
      const answer = new Later<Reply>();
      bench.answers.set('/1', answer.promise);
      bench.connection.receive(`${get('/1')}${get('/2')}GET /3`);
      bench.session.drain('hand-back');
      answer.resolve(PREPARED);
      await settled();
      expect(bench.connection.handedBack).to.equal(undefined);
      bench.connection.flush();
      expect(bench.statuses()).to.deep.equal([200, 200]);
      expect(bench.responses().map((response) => response.field('connection'))).to.deep.equal([
        undefined,
        undefined,
      ]);
      expect(bench.connection.handedBack!.toString()).to.equal('GET /3');
      expect([bench.finished, bench.gone]).to.deep.equal([2, 1]);
    });

    it('waits for the end of a body', () => {
      bench.connection.receive('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\na');
      bench.session.drain('hand-back');
      expect(bench.connection.handedBack).to.equal(undefined);
      bench.connection.receive('bcGET');
      bench.connection.flush();
      expect(bench.statuses()).to.deep.equal([200]);
      expect(bench.connection.handedBack!.toString()).to.equal('GET');
    });

    it('waits for responses that the client has not taken', () => {
      bench.answers.set('/', textReply(200, 'text/plain', 'x'.repeat(1000)));
      bench.connection.receive(get('/'));
      bench.session.drain('hand-back');
      bench.connection.flush(500);
      expect(bench.connection.handedBack).to.equal(undefined);
      bench.connection.flush();
      expect(bench.connection.handedBack).to.deep.equal(Buffer.alloc(0));
    });

    it('gives away no connection whose client has closed its direction', () => {
      bench.exchange(get('/'));
      bench.session.onEnd();
      bench.session.drain('hand-back');
      expect(bench.connection.handedBack).to.equal(undefined);
      expect(bench.connection.ended).to.equal(true);
    });

    it('closes where the transport cannot, and only between requests', () => {
      bench.connection.takesHandBack = false;
      bench.exchange(`${get('/')}GET /2 HT`);
      bench.session.drain('hand-back');
      expect(bench.connection.ended).to.equal(false);
      bench.exchange('TP/1.1\r\nHost: a\r\n\r\n');
      expect(bench.statuses()).to.deep.equal([200, 200]);
      expect(bench.connection.ended).to.equal(true);
    });

    it('has nothing more to do with what was given away', async () => {
      bench.exchange(get('/'));
      bench.session.drain('hand-back');
      await bench.pass(2 * LIMITS.keepAliveMs);
      expect([bench.connection.ended, bench.connection.destroyed, bench.gone]).to.deep.equal([
        false,
        false,
        1,
      ]);
    });
  });
});
