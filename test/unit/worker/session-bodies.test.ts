import { expect } from 'chai';
import { get, LIMITS, SessionBench } from '../../helpers/session-bench.js';

const { bodyMs, headerMs, keepAliveMs } = LIMITS;

function post(fields: string, body = ''): string {
  return `POST /form HTTP/1.1\r\nHost: a\r\n${fields}\r\n${body}`;
}

describe('worker/session: bodies', () => {
  let bench: SessionBench;

  beforeEach(() => {
    bench = new SessionBench();
  });

  it('are read and dropped, and the answer comes behind them', () => {
    bench.connection.receive(post('Content-Length: 5\r\n', 'abc'));
    expect(bench.statuses()).to.deep.equal([]);
    bench.connection.receive('de');
    expect(bench.statuses()).to.deep.equal([200]);
  });

  it('of every kind leave what comes behind them alone', () => {
    bench.exchange(
      post('Content-Length: 3\r\n', 'abc') +
        post('Transfer-Encoding: chunked\r\n', '1\r\nx\r\n0\r\n\r\n') +
        get('/'),
    );
    expect(bench.statuses()).to.deep.equal([200, 200, 200]);
  });

  it('may be as large as the limit', () => {
    bench.exchange(
      post('Content-Length: 100\r\n', 'x'.repeat(100)) +
        post('Transfer-Encoding: chunked\r\n', `64\r\n${'x'.repeat(100)}\r\n0\r\n\r\n`),
    );
    expect(bench.statuses()).to.deep.equal([200, 200]);
  });

  it('are refused with 413 before they are read when their length is known', () => {
    bench.exchange(post('Content-Length: 101\r\nExpect: 100-continue\r\n'));
    expect(bench.statuses()).to.deep.equal([413]);
    expect(bench.connection.ended).to.equal(true);
  });

  it('are refused with 413 as soon as chunks come to too much', () => {
    bench.connection.receive(post('Transfer-Encoding: chunked\r\n', `64\r\n${'x'.repeat(100)}\r\n1\r\n`));
    expect(bench.statuses()).to.deep.equal([]);
    bench.connection.receive('y');
    expect(bench.statuses()).to.deep.equal([413]);
    expect(bench.connection.ended).to.equal(true);
  });

  it('that are malformed are refused with 400', () => {
    bench.exchange(post('Transfer-Encoding: chunked\r\n', '1\r\nxx\r\n') + get('/never'));
    expect(bench.statuses()).to.deep.equal([400]);
  });

  describe('that wait for 100 Continue', () => {
    it('are told to go on', () => {
      bench.exchange(post('Content-Length: 3\r\nExpect: 100-continue\r\n'));
      expect(bench.statuses()).to.deep.equal([100]);
      bench.exchange('abc');
      expect(bench.statuses()).to.deep.equal([100, 200]);
    });

    it('are told so behind the answers to earlier requests', () => {
      bench.exchange(get('/') + post('Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n'));
      bench.exchange('0\r\n\r\n');
      expect(bench.statuses()).to.deep.equal([200, 100, 200]);
    });
  });

  describe('that are slow', () => {
    it('are refused with 408, and the connection ends', async () => {
      bench.connection.receive(post('Content-Length: 5\r\n', 'a'));
      await bench.passTo(
        bodyMs,
        () => expect(bench.statuses()).to.deep.equal([]),
        () => expect(bench.statuses()).to.deep.equal([408]),
      );
      expect(bench.connection.ended).to.equal(true);
      expect(bench.count('timeouts')).to.equal(1);
    });

    it('are not saved by a byte now and then', async () => {
      bench.connection.receive(post('Content-Length: 100\r\n'));
      let seconds = 0;
      for (; seconds < 99 && bench.statuses().length === 0; seconds++) {
        bench.connection.receive('x');
        await bench.pass(1000);
      }
      expect(bench.statuses()).to.deep.equal([408]);
      expect(seconds).to.be.below(bodyMs / 1000 + 5);
    });

    it('are let be as long as they come at a rate', async () => {
      const patient = new SessionBench({ limits: { maxBodyBytes: 1_000_000 } });
      patient.connection.receive(post('Content-Length: 100000\r\n'));
      for (let i = 0; i < 100; i++) {
        patient.connection.receive('x'.repeat(1000));
        await patient.pass(1000);
      }
      expect(patient.statuses()).to.deep.equal([200]);
    });
  });
});

describe('worker/session: slow and idle clients', () => {
  let bench: SessionBench;

  beforeEach(() => {
    bench = new SessionBench();
  });

  it('that send nothing at all are let go without a word', async () => {
    await bench.passTo(
      headerMs,
      () => expect(bench.connection.ended).to.equal(false),
      () => expect(bench.connection.ended).to.equal(true),
    );
    expect(bench.connection.written.length).to.equal(0);
  });

  it('that send half a head get 408', async () => {
    bench.connection.receive('GET / HTTP/1.1\r\n');
    await bench.passTo(
      headerMs,
      () => expect(bench.statuses()).to.deep.equal([]),
      () => expect(bench.statuses()).to.deep.equal([408]),
    );
    expect(bench.connection.ended).to.equal(true);
    expect(bench.count('timeouts')).to.equal(1);
  });

  it('that send a head byte by byte get 408, however long they go on', async () => {
    for (const char of get('/', 'X: y\r\n'.repeat(50))) {
      if (bench.connection.ended) break;
      bench.connection.receive(char);
      await bench.pass(1000);
    }
    expect(bench.statuses()).to.deep.equal([408]);
  });

  it('have the whole time for a head after a request', async () => {
    bench.exchange(get('/'));
    await bench.pass(60_000);
    bench.connection.receive('GET /2');
    await bench.pass(headerMs - 1000);
    bench.connection.receive(' HTTP/1.1\r\nHost: a\r\n\r\n');
    expect(bench.statuses()).to.deep.equal([200, 200]);
  });

  it('that ask nothing more are let go after the keep-alive timeout, without a word', async () => {
    bench.exchange(get('/'));
    await bench.passTo(
      keepAliveMs,
      () => expect(bench.connection.ended).to.equal(false),
      () => expect(bench.connection.ended).to.equal(true),
    );
    expect(bench.statuses()).to.deep.equal([200]);
    expect(bench.count('timeouts')).to.equal(0);
  });

  it('that came back from another worker have the keep-alive timeout', async () => {
    const returned = new SessionBench({ returned: true });
    await returned.pass(keepAliveMs - 1000);
    expect(returned.connection.ended).to.equal(false);
    await returned.pass(2000);
    expect(returned.connection.ended).to.equal(true);
  });

  it('that do not close their direction are cut off a little later', async () => {
    bench.exchange(`${get('/', 'Connection: close\r\n')}more`);
    expect(bench.connection.destroyed).to.equal(false);
    await bench.pass(5000);
    expect(bench.connection.destroyed).to.equal(true);
    expect(bench.gone).to.equal(1);
  });

  it('that have said they send no more are not waited for', () => {
    bench.exchange(get('/', 'Connection: close\r\n'));
    expect(bench.statuses()).to.deep.equal([200]);
    expect(bench.connection.destroyed).to.equal(true);
  });

  it('wait for an answer as long as it takes', async () => {
    bench.answers.set('/', new Promise(() => undefined));
    bench.connection.receive(get('/'));
    await bench.pass(3_600_000);
    expect([bench.connection.ended, bench.connection.destroyed, bench.count('timeouts')]).to.deep.equal([
      false,
      false,
      0,
    ]);
  });
});
