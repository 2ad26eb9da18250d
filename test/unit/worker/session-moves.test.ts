import { expect } from 'chai';
import type { Asker } from '../../../src/http/asker.js';
import { textReply } from '../../../src/http/error-reply.js';
import type { Reply } from '../../../src/http/reply.js';
import { FakeSink } from '../../helpers/fake-body.js';
import { Later } from '../../helpers/later.js';
import { get, PLACE, SessionBench, type SessionBenchOptions, settled } from '../../helpers/session-bench.js';

const OTHER = PLACE + 1;
const IDLE_MS = 90_000;

const put = (path: string, body: string, fields = ''): string =>
  `PUT ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n${fields}\r\n${body}`;

describe('worker/session: requests that another worker should answer', () => {
  /** Paths of what was answered here. */
  let answered: string[];
  let asker: Asker | undefined;

  beforeEach(() => {
    answered = [];
    asker = undefined;
  });

  /** `/there` is for another worker, `/here` for this one, `/slow` is answered by nobody. */
  function open(options: SessionBenchOptions = {}): SessionBench {
    return new SessionBench({
      ...options,
      forwarder: {
        find: (head) => {
          const { path } = head;
          const place = path.startsWith('/there') ? OTHER : path.startsWith('/here') ? PLACE : undefined;
          if (place === undefined && path !== '/slow') return undefined;
          const answer = (from: Asker): Reply | Promise<Reply> => {
            answered.push(path);
            asker = from;
            return path === '/slow' ? new Later<Reply>().promise : textReply(200, 'text/plain', path);
          };
          return { maxBodyBytes: 100, idleMs: IDLE_MS, place, answer };
        },
      },
    });
  }

  it('go there with the connection, whole as they were read', () => {
    const bench = open();
    const text = `${put('/there', '0123', 'Expect: 100-continue\r\nX: y\r\n')}GET /next HT`;
    bench.connection.receive(text);
    const { handedBack, handedTo, written } = bench.connection;
    expect([handedBack?.toString(), handedTo]).to.deep.equal([text, OTHER]);
    expect([written.length, answered, bench.gone]).to.deep.equal([0, [], 1]);
  });

  it('go whole, in whatever pieces they came', () => {
    const text = put('/there', '0123');
    for (let at = 1; at < text.length; at++) {
      const bench = open();
      bench.connection.receive(text.slice(0, at));
      if (bench.connection.handedBack === undefined) bench.connection.receive(text.slice(at));
      const handedBack = bench.connection.handedBack?.toString();
      const headEnd = text.indexOf('0123');
      expect(handedBack, `split at ${at}`).to.equal(at < headEnd ? text : text.slice(0, at));
    }
  });

  it('are counted where they are answered', () => {
    const bench = open();
    bench.connection.receive(get('/there'));
    expect([bench.count('requests'), bench.finished]).to.deep.equal([0, 0]);
  });

  it('stay when this is the worker', () => {
    const bench = open();
    bench.exchange(get('/here'));
    expect([bench.connection.handedBack, answered]).to.deep.equal([undefined, ['/here']]);
  });

  it('wait until the responses before them have left', () => {
    const bench = open();
    bench.connection.receive(`${get('/1')}${get('/2')}${get('/there')}`);
    expect(bench.connection.handedBack).to.equal(undefined);
    bench.connection.receive(get('/3'));
    bench.connection.flush(10);
    expect(bench.connection.handedBack).to.equal(undefined);
    bench.connection.flush();
    expect(bench.connection.handedBack?.toString()).to.equal(get('/there') + get('/3'));
    expect(bench.statuses()).to.deep.equal([200, 200]);
    expect([bench.count('requests'), bench.finished]).to.deep.equal([2, 2]);
  });

  it('wait for a response that takes its time', async () => {
    const bench = open();
    const later = new Later<Reply>();
    bench.answers.set('/later', later.promise);
    bench.connection.receive(get('/later') + get('/there'));
    later.resolve(textReply(200, 'text/plain', 'x'));
    await settled();
    bench.connection.flush();
    expect(bench.connection.handedBack?.toString()).to.equal(get('/there'));
  });

  it('are answered here when the connection cannot go', () => {
    const bench = open();
    bench.connection.takesHandBack = false;
    bench.exchange(put('/there', '0123'));
    expect([bench.statuses(), answered, bench.count('requests')]).to.deep.equal([[200], ['/there'], 1]);
  });

  it('are answered here on TLS, which is bound to this process', () => {
    const bench = open();
    bench.connection.isBound = true;
    bench.exchange(get('/there'));
    expect([bench.connection.handedBack, answered]).to.deep.equal([undefined, ['/there']]);
  });

  it('are answered here when the connection cannot go, after those before them', () => {
    const bench = open();
    bench.connection.takesHandBack = false;
    bench.connection.receive(get('/1') + get('/there/1') + get('/there/2'));
    bench.connection.flush();
    bench.connection.flush();
    bench.connection.flush();
    expect(bench.statuses()).to.deep.equal([200, 200, 200]);
    expect(answered).to.deep.equal(['/there/1', '/there/2']);
  });

  it('are answered here when the connection was moved for them, but not those after them', () => {
    const bench = open({ returned: true, isDirected: true });
    bench.exchange(get('/there/1'));
    expect([bench.connection.handedBack, answered]).to.deep.equal([undefined, ['/there/1']]);
    bench.exchange(get('/there/2'));
    expect(bench.connection.handedBack?.toString()).to.equal(get('/there/2'));
  });

  it('are answered here when the server is about to end', async () => {
    const bench = open();
    bench.session.drain('close');
    bench.exchange(get('/there'));
    expect([bench.connection.handedBack, bench.statuses()]).to.deep.equal([undefined, [200]]);
  });

  it('are answered here when the server is told to end while they wait', () => {
    const bench = open();
    bench.connection.receive(get('/1') + get('/there'));
    bench.session.drain('close');
    bench.connection.flush();
    expect(bench.statuses()).to.deep.equal([200, 200]);
    expect(bench.connection.handedBack).to.equal(undefined);
  });

  it('are refused here when they are too large for any', () => {
    const bench = open();
    bench.connection.receive('PUT /there HTTP/1.1\r\nHost: a\r\nContent-Length: 101\r\n\r\n');
    expect([bench.statuses(['PUT']), bench.connection.handedBack]).to.deep.equal([[413], undefined]);
  });

  it('do not wait for ever for a client that takes nothing', async () => {
    const bench = open();
    bench.connection.receive(get('/1') + get('/there'));
    await bench.pass(180_000);
    expect([bench.connection.destroyed, bench.count('timeouts')]).to.deep.equal([true, 1]);
  });

  it('are forgotten when the client leaves while they wait', async () => {
    const bench = open();
    bench.connection.receive(get('/1') + get('/there'));
    bench.connection.destroy();
    await settled();
    expect([bench.connection.handedBack, bench.gone]).to.deep.equal([undefined, 1]);
  });

  it('have time for their body as the answer says', async () => {
    const bench = open();
    const sink = new FakeSink();
    bench.connection.receive('PUT /slow HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n');
    asker!.body!.start(sink);
    for (let i = 0; i < 3; i++) {
      await bench.pass(IDLE_MS - 1000);
      bench.connection.receive('x');
      expect(sink.outcome).to.equal(undefined);
    }
    await bench.passTo(
      IDLE_MS,
      () => expect(sink.outcome).to.equal(undefined),
      () => expect(String(sink.outcome)).to.include('did not come in time'),
    );
  });
});
