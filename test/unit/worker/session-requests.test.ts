import { expect } from 'chai';
import { Clock } from '../../../src/http/clock.js';
import { errorReply, textReply } from '../../../src/http/error-reply.js';
import type { Reply } from '../../../src/http/reply.js';
import { PreparedReply } from '../../../src/http/serialise.js';
import { Later } from '../../helpers/later.js';
import { get, SessionBench, settled } from '../../helpers/session-bench.js';

const PREPARED = new PreparedReply(
  200,
  'Content-Type: text/plain\r\nContent-Length: 3\r\n',
  Buffer.from('abc'),
  'HIT',
);

describe('worker/session: requests', () => {
  let bench: SessionBench;

  beforeEach(() => {
    bench = new SessionBench();
  });

  it('answers, and goes on', () => {
    bench.exchange(get('/1'));
    bench.exchange(get('/2'));
    expect(bench.responses().map(({ text }) => text)).to.deep.equal(['/1', '/2']);
    expect(bench.connection.ended).to.equal(false);
  });

  it('answers a pipeline in its order, though the replies are ready in another', async () => {
    const slow = new Later<Reply>();
    const slower = new Later<Reply>();
    bench.answers.set('/slow', slow.promise).set('/slower', slower.promise).set('/at-once', PREPARED);
    bench.connection.receive(`${get('/slower')}${get('/at-once')}${get('/slow')}${get('/last')}`);
    slow.resolve(textReply(200, 'text/plain', 'slow'));
    await settled();
    expect(bench.connection.written.length).to.equal(0);
    slower.resolve(textReply(200, 'text/plain', 'slower'));
    await settled();
    expect(bench.responses().map(({ text }) => text)).to.deep.equal(['slower', 'abc', 'slow', '/last']);
  });

  it('asks for the next answer only when the one before is there', async () => {
    const asked: string[] = [];
    const first = new Later<Reply>();
    bench.answers.set('/1', (head) => {
      asked.push(head.path);
      return first.promise;
    });
    bench.answers.set('/2', (head) => {
      asked.push(head.path);
      return PREPARED;
    });
    bench.connection.receive(get('/1') + get('/2'));
    expect(asked).to.deep.equal(['/1']);
    first.resolve(PREPARED);
    await settled();
    expect(asked).to.deep.equal(['/1', '/2']);
  });

  it('takes requests in pieces, also while it is answering', async () => {
    const first = new Later<Reply>();
    bench.answers.set('/1', first.promise);
    const text = get('/1') + get('/2') + get('/3');
    for (const char of text) bench.connection.receive(char);
    first.resolve(PREPARED);
    await settled();
    expect(bench.responses().map((response) => response.text)).to.deep.equal(['abc', '/2', '/3']);
  });

  it('reads ahead while it is answering, but not without end', async () => {
    const first = new Later<Reply>();
    bench.answers.set('/1', first.promise);
    bench.connection.receive(get('/1'));
    let sent = 0;
    while (!bench.connection.paused && sent < 10_000) {
      bench.connection.receive(get(`/${sent++}`));
    }
    expect(sent).to.be.within(100, 3000);
    first.resolve(PREPARED);
    await settled();
    bench.connection.flush();
    expect(bench.connection.paused).to.equal(false);
    expect(bench.responses()).to.have.lengthOf(sent + 1);
  });

  it('reads on behind a last response, though it had stopped reading ahead', async () => {
    const first = new Later<Reply>();
    bench.answers.set('/1', first.promise);
    bench.connection.receive(get('/1', 'Connection: close\r\n'));
    while (!bench.connection.paused) bench.connection.receive('x'.repeat(1000));
    first.resolve(PREPARED);
    await settled();
    expect([bench.connection.ended, bench.connection.paused]).to.deep.equal([true, false]);
  });

  it('reads no further request while the client does not take the responses', () => {
    const large = textReply(200, 'text/plain', 'x'.repeat(200 * 1024));
    bench.answers.set('/large', large);
    bench.connection.receive(get('/large').repeat(5));
    expect(bench.count('requests')).to.equal(2);
    bench.connection.flush();
    bench.connection.flush();
    bench.connection.flush();
    expect(bench.count('requests')).to.equal(5);
    expect(bench.statuses()).to.deep.equal([200, 200, 200, 200, 200]);
  });

  describe('persistence', () => {
    it('ends after Connection: close, and says so', () => {
      bench.exchange(get('/1', 'Connection: close\r\n') + get('/2'));
      expect(bench.responses()[0]!.field('connection')).to.equal('close');
      expect(bench.statuses()).to.deep.equal([200]);
      expect(bench.connection.ended).to.equal(true);
    });

    it('ends after HTTP/1.0', () => {
      bench.exchange('GET / HTTP/1.0\r\n\r\n');
      expect(bench.responses()[0]!.field('connection')).to.equal('close');
      expect(bench.connection.ended).to.equal(true);
    });

    it('goes on after HTTP/1.0 that wishes so, and says so, from the cache too', () => {
      bench.answers.set('/hit', PREPARED);
      for (const path of ['/', '/hit'])
        bench.exchange(`GET ${path} HTTP/1.0\r\nConnection: keep-alive\r\n\r\n`);
      expect(bench.responses().map((response) => response.field('connection'))).to.deep.equal([
        'keep-alive',
        'keep-alive',
      ]);
      expect(bench.connection.ended).to.equal(false);
    });

    it('says nothing about it in HTTP/1.1', () => {
      bench.answers.set('/hit', PREPARED);
      bench.exchange(get('/') + get('/hit'));
      expect(bench.responses().map((response) => response.field('connection'))).to.deep.equal([
        undefined,
        undefined,
      ]);
    });

    it('ends after a reply that wants it', () => {
      bench.answers.set('/', errorReply(500, '', { close: true }));
      bench.exchange(get('/') + get('/2'));
      expect(bench.statuses()).to.deep.equal([500]);
      expect(bench.connection.ended).to.equal(true);
    });
  });

  describe('a client that closes its direction', () => {
    it('still gets its answers', async () => {
      const answer = new Later<Reply>();
      bench.answers.set('/1', answer.promise);
      bench.connection.receive(get('/1') + get('/2'));
      bench.session.onEnd();
      answer.resolve(PREPARED);
      await settled();
      expect(bench.statuses()).to.deep.equal([200, 200]);
      expect(bench.connection.ended).to.equal(true);
    });

    it('between requests is answered in kind', () => {
      bench.exchange(get('/'));
      bench.session.onEnd();
      expect(bench.connection.ended).to.equal(true);
      expect(bench.statuses()).to.deep.equal([200]);
    });

    it('within a request gets no answer to it', () => {
      bench.exchange(`${get('/')}GET /half`);
      bench.session.onEnd();
      expect(bench.statuses()).to.deep.equal([200]);
      expect(bench.connection.ended).to.equal(true);
    });

    it('gets what waits behind responses that it has not taken yet', () => {
      bench.answers.set('/large', textReply(200, 'text/plain', 'x'.repeat(300 * 1024)));
      bench.connection.receive(get('/large') + get('/2'));
      bench.session.onEnd();
      bench.connection.flush();
      expect(bench.statuses()).to.deep.equal([200, 200]);
      expect(bench.connection.ended).to.equal(true);
    });
  });

  describe('refusals', () => {
    for (const [name, text, status] of [
      ['a malformed request', 'GET / HTTP/1.1\r\n\r\n', 400],
      ['a version that is not spoken', 'GET / HTTP/2.0\r\n\r\n', 505],
      ['a target that is too long', `GET /${'x'.repeat(1000)} HTTP/1.1\r\n`, 414],
      ['a header that is too large', `GET / HTTP/1.1\r\nX: ${'x'.repeat(2000)}`, 431],
      ['an unknown expectation', get('/', 'Expect: more\r\n'), 417],
    ] as const) {
      it(`of ${name} end the connection with ${status}`, () => {
        bench.exchange(get('/ok') + text + get('/never'));
        expect(bench.statuses()).to.deep.equal([200, status]);
        expect(bench.responses()[1]!.field('connection')).to.equal('close');
        expect(bench.connection.ended).to.equal(true);
      });
    }

    it('go on taking bytes, so that the client can read them', () => {
      bench.exchange('nonsense\r\n');
      bench.connection.receive('more nonsense');
      expect(bench.connection.paused).to.equal(false);
      expect(bench.statuses()).to.deep.equal([400]);
    });
  });

  it('answers 500 when an answer fails, and reports it', async () => {
    bench.answers.set('/1', Promise.reject(new Error('the disk is on fire')));
    bench.connection.receive(get('/1'));
    await settled();
    expect(bench.statuses()).to.deep.equal([500]);
    expect(bench.reports.join()).to.include('the disk is on fire');
  });

  it('answers 500 when the handler throws, and the worker lives', () => {
    bench.answers.set('/1', () => {
      throw new Error('a defect');
    });
    bench.exchange(get('/1'));
    expect(bench.statuses()).to.deep.equal([500]);
    expect(bench.reports.join()).to.include('a defect');
  });

  it('sends no body with a refusal of HEAD', () => {
    bench.exchange('HEAD / HTTP/1.1\r\nHost: a\r\nContent-Length: 101\r\n\r\n');
    expect(bench.statuses(['HEAD'])).to.deep.equal([413]);
  });

  it('has the Date of the moment', async () => {
    bench.answers.set('/', PREPARED);
    bench.exchange(get('/'));
    await bench.pass(2000);
    bench.exchange(get('/'));
    await bench.pass(1000);
    bench.exchange(get('/other'));
    const dates = bench.responses().map((response) => Date.parse(response.field('date')!));
    expect(dates.map((date) => date - dates[0]!)).to.deep.equal([0, 2000, 3000]);
  });

  it('says how long it took when that is wanted', async () => {
    const timed = new SessionBench({ serverTiming: true });
    const answer = new Later<Reply>();
    timed.answers.set('/', answer.promise);
    timed.connection.receive(get('/'));
    await timed.pass(250);
    answer.resolve(PREPARED);
    await settled();
    expect(timed.responses()[0]!.field('server-timing')).to.equal('cache;desc=HIT, total;dur=250.00');
  });

  it('sends each of its prepared bytes as they are', () => {
    bench.answers.set('/', PREPARED);
    bench.exchange(get('/'));
    const clock = new Clock(Date.parse(bench.responses()[0]!.field('date')!), 0);
    expect(bench.connection.written).to.deep.equal(Buffer.concat(PREPARED.wire(clock, '')));
  });
});
