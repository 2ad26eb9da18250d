import { Duplex } from 'node:stream';
import { expect } from 'chai';
import type { Asker } from '../../../src/http/asker.js';
import { BodyError } from '../../../src/http/body-source.js';
import { errorReply, textReply } from '../../../src/http/error-reply.js';
import type { Reply } from '../../../src/http/reply.js';
import { FakeSink, FakeSource } from '../../helpers/fake-body.js';
import { Later } from '../../helpers/later.js';
import { get, LIMITS, SessionBench, settled } from '../../helpers/session-bench.js';

function streamed(source: FakeSource, length?: number): Reply {
  const fields = length === undefined ? '' : `Content-Length: ${length}\r\n`;
  return { status: 200, fields, body: { source, length }, cache: '', close: false, isRelayed: true };
}

const post = (fields: string, version = '1.1'): string =>
  `POST /up HTTP/${version}\r\nHost: a\r\n${fields}\r\n`;

/** An upstream end of a tunnel. */
class FakeSocket extends Duplex {
  written = '';
  override _read(): void {
    // The test pushes.
  }
  override _write(chunk: Buffer, _encoding: string, callback: () => void): void {
    this.written += chunk.toString('latin1');
    callback();
  }
}

describe('worker/session: relayed requests', () => {
  let bench: SessionBench;
  let asker: Asker;
  let later: Later<Reply>;
  let asked: number;
  let gone: number;

  const relaying = (maxBodyBytes: number): SessionBench =>
    new SessionBench({
      forwarder: {
        find: (head) => {
          if (!head.path.startsWith('/up')) return undefined;
          const answer = (from: Asker): Promise<Reply> => {
            asked++;
            asker = from;
            from.onGone(() => gone++);
            return later.promise;
          };
          return { maxBodyBytes, answer };
        },
      },
    });

  beforeEach(() => {
    asked = 0;
    gone = 0;
    later = new Later<Reply>();
    bench = relaying(50);
  });

  const written = (): string => bench.connection.written.toString('latin1');

  it('are told from others by the forwarder', () => {
    bench.exchange(get('/here'));
    expect([bench.statuses(), asked]).to.deep.equal([[200], 0]);
    bench.exchange(get('/up'));
    expect(asked).to.equal(1);
    expect(asker.body).to.equal(undefined);
    expect([asker.peer.address, asker.secure]).to.deep.equal(['192.0.2.1', false]);
  });

  it('give their body only when it is wanted, and as far', () => {
    const sink = new FakeSink();
    bench.connection.receive(`${post('Content-Length: 10\r\n')}01234`);
    expect(sink.text).to.equal('');
    asker.body!.start(sink);
    expect(sink.text).to.equal('01234');
    asker.body!.pause();
    bench.connection.receive('567');
    expect(sink.text).to.equal('01234');
    asker.body!.resume();
    expect(sink.text).to.equal('01234567');
    bench.connection.receive(`89${get('/here')}`);
    expect([sink.text, sink.outcome]).to.deep.equal(['0123456789', 'ended']);
  });

  it('stop the client that sends more than is wanted', () => {
    bench = relaying(1e9);
    bench.connection.receive(post('Content-Length: 1000000\r\n'));
    bench.connection.receive('x'.repeat(100_000));
    expect(bench.connection.paused).to.equal(true);
    const sink = new FakeSink();
    asker.body!.start(sink);
    expect([bench.connection.paused, sink.text.length]).to.deep.equal([false, 100_000]);
  });

  it('say 100 to a client that waits for it when the body is wanted, once', () => {
    bench.connection.receive(post('Content-Length: 4\r\nExpect: 100-continue\r\n'));
    expect(written()).to.equal('');
    asker.body!.start(new FakeSink());
    asker.body!.pause();
    asker.body!.resume();
    expect(written()).to.equal('HTTP/1.1 100 Continue\r\n\r\n');
  });

  it('say 100 to nobody whose body is not wanted', async () => {
    bench.connection.receive(post('Content-Length: 4\r\nExpect: 100-continue\r\n'));
    asker.body!.cancel();
    later.resolve(errorReply(502, ''));
    await settled();
    expect(bench.statuses(['POST'])).to.deep.equal([502]);
    expect(bench.connection.ended).to.equal(true);
  });

  for (const [what, rest, status] of [
    ['malformed', '3\r\nabc\r\nx', 400],
    ['too large', `33\r\n${'x'.repeat(51)}\r\n`, 413],
  ] as const) {
    it(`tell the taker of a body that is ${what}`, () => {
      const sink = new FakeSink();
      bench.connection.receive(post('Transfer-Encoding: chunked\r\n'));
      asker.body!.start(sink);
      bench.connection.receive(rest);
      expect(sink.outcome).to.be.an.instanceOf(BodyError).with.property('status', status);
    });
  }

  it('are refused at once when their body is announced too large', () => {
    bench.exchange(post('Content-Length: 51\r\n'));
    expect([bench.statuses(['POST']), asked]).to.deep.equal([[413], 0]);
  });

  it('tell the taker of a body that ends too early, and of one that does not come on', async () => {
    const sink = new FakeSink();
    bench.connection.receive(`${post('Content-Length: 10\r\n')}half`);
    asker.body!.start(sink);
    await bench.passTo(
      LIMITS.bodyMs,
      () => expect(sink.outcome).to.equal(undefined),
      () => expect(sink.outcome).to.be.an.instanceOf(BodyError).with.property('status', 408),
    );
    expect(bench.count('timeouts')).to.equal(1);
    bench = relaying(50);
    const other = new FakeSink();
    bench.connection.receive(`${post('Content-Length: 10\r\n')}half`);
    asker.body!.start(other);
    bench.session.onEnd();
    expect(other.outcome).to.be.an.instanceOf(BodyError).with.property('status', 400);
  });

  it('have no deadline while it is the upstream that is waited for', async () => {
    bench.exchange(get('/up'));
    await bench.pass(10 * 60_000);
    expect(bench.connection.destroyed).to.equal(false);
    const source = new FakeSource();
    later.resolve(streamed(source));
    await settled();
    bench.connection.flush();
    source.data('slow');
    bench.connection.flush();
    await bench.pass(10 * 60_000);
    expect(bench.connection.destroyed).to.equal(false);
  });

  it('are answered in chunks, and the connection goes on with what came ahead', async () => {
    const source = new FakeSource();
    bench.exchange(get('/up') + get('/here'));
    later.resolve(streamed(source));
    await settled();
    source.data('body').sink!.end();
    await settled();
    expect(written()).to.match(/Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\nHTTP\/1\.1 200/);
    bench.connection.flush();
    expect([bench.count('requests'), bench.finished, bench.connection.ended]).to.deep.equal([2, 2, false]);
  });

  it('end the connection when part of their body is still to come', async () => {
    bench.exchange(`${post('Content-Length: 10\r\n')}half`);
    later.resolve(textReply(200, 'text/plain', 'early'));
    await settled();
    bench.connection.flush();
    expect(written()).to.include('Connection: close\r\n');
    expect([bench.connection.ended, bench.connection.destroyed]).to.deep.equal([true, false]);
  });

  for (const [version, length, wasReset] of [
    ['1.1', undefined, false],
    ['1.1', 10, false],
    ['1.0', 10, false],
    ['1.0', undefined, true],
  ] as const) {
    it(`are cut when their response breaks off (HTTP/${version}, length ${length})`, async () => {
      const source = new FakeSource();
      bench.exchange(`GET /up HTTP/${version}\r\nHost: a\r\n\r\n`);
      later.resolve(streamed(source, length));
      await settled();
      source.data('half').sink!.fail(new Error('broken'));
      await settled();
      expect([bench.connection.destroyed, bench.connection.wasReset]).to.deep.equal([true, wasReset]);
      expect([bench.count('aborts'), bench.reports]).to.deep.equal([1, ['a response was cut: broken']]);
    });
  }

  it('are cut so that a body without a length does not look whole, when the worker ends', async () => {
    const source = new FakeSource();
    bench.exchange('GET /up HTTP/1.0\r\n\r\n');
    later.resolve(streamed(source));
    await settled();
    source.data('half');
    bench.connection.flush();
    bench.session.destroy();
    await settled();
    expect([bench.connection.wasReset, source.cancelled]).to.deep.equal([true, true]);
  });

  it('tell the forwarder when the client leaves, whenever that is', async () => {
    bench.exchange(get('/up'));
    bench.connection.destroy();
    await settled();
    expect([gone, bench.count('aborts'), bench.gone]).to.deep.equal([1, 1, 1]);
    const source = new FakeSource();
    later.resolve(streamed(source));
    await settled();
    expect(source.cancelled).to.equal(true);
  });

  it('hold the source back while the client takes nothing, and cut it off', async () => {
    const source = new FakeSource();
    bench.exchange(get('/up'));
    later.resolve(streamed(source));
    await settled();
    source.data('x'.repeat(200_000));
    expect(source.paused).to.equal(true);
    await bench.passTo(
      LIMITS.writeMs,
      () => expect(bench.connection.destroyed).to.equal(false),
      () => expect(bench.connection.destroyed).to.equal(true),
    );
    expect([source.cancelled, bench.count('timeouts')]).to.deep.equal([true, 1]);
  });

  describe('that become a tunnel', () => {
    let socket: FakeSocket;
    beforeEach(async () => {
      socket = new FakeSocket();
      bench.connection.receive(`${get('/up', 'Connection: upgrade\r\nUpgrade: x\r\n')}ahead`);
      later.resolve({
        status: 101,
        fields: 'Connection: Upgrade\r\nUpgrade: x\r\n',
        body: null,
        cache: '',
        close: false,
        isRelayed: true,
        tunnel: socket,
      });
      await settled();
      bench.connection.flush();
    });

    it('pass bytes both ways, also those that came ahead', async () => {
      bench.connection.receive(get('/here'));
      expect(socket.written).to.equal(`ahead${get('/here')}`);
      socket.push('down');
      await settled();
      expect(written().endsWith('\r\n\r\ndown')).to.equal(true);
      expect(bench.count('requests')).to.equal(1);
    });

    it('have no deadline while nothing waits, and the write timeout while something does', async () => {
      await bench.pass(10 * 60_000);
      socket.push('down');
      await settled();
      await bench.passTo(
        LIMITS.writeMs,
        () => expect(bench.connection.destroyed).to.equal(false),
        () => expect(bench.connection.destroyed).to.equal(true),
      );
      expect(socket.destroyed).to.equal(true);
    });

    it('are broken for the client when they break, and end when they end', async () => {
      socket.destroy(new Error('broken'));
      await settled();
      expect(bench.connection.wasReset).to.equal(true);
    });

    it('end when both sides have ended, which is no abort', async () => {
      bench.session.onEnd();
      socket.push(null);
      await settled();
      bench.connection.flush();
      await settled();
      expect([bench.connection.destroyed, bench.connection.wasReset]).to.deep.equal([true, false]);
      expect([bench.count('aborts'), bench.finished]).to.deep.equal([0, 1]);
    });
  });
});
