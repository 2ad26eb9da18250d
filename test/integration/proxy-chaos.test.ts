/**
 * Origins and clients that break off anywhere, in any combination, many at once: no worker dies, nothing is left
 * under way, and no body looks whole that is not.
 */
import { once } from 'node:events';
import http2 from 'node:http2';
import { expect } from 'chai';
import { tlsSettings } from '../helpers/certificates.js';
import { H2Client } from '../helpers/h2-client.js';
import { RawOrigin } from '../helpers/raw-origin.js';
import { type RelayedResponse, relayed } from '../helpers/relayed-response.js';
import { TestServer } from '../helpers/server.js';

const BODY = Buffer.alloc(300_000, 'the whole body, from its first byte to its last ');
const ROUNDS = 8;
const AT_ONCE = 24;

/** A generator of numbers from 0 up to a bound, always the same ones (Park and Miller). */
function numbers(seed: number): (bound: number) => number {
  let state = seed;
  return (bound) => {
    state = (state * 48_271) % 0x7fffffff;
    return state % bound;
  };
}

const HEADS = [
  `Content-Length: ${BODY.length}\r\n`,
  `Connection: close\r\nContent-Length: ${BODY.length}\r\n`,
  'Transfer-Encoding: chunked\r\n',
  'Connection: close\r\n',
];

describe('proxy: chaos', () => {
  let origin: RawOrigin;
  let server: TestServer;
  before(async () => {
    origin = await RawOrigin.start();
    server = await TestServer.start({
      settings: { ...tlsSettings(), PROXY: `/ ${origin.url}`, PROXY_TIMEOUT_SECONDS: '5' },
    });
  });
  after(async () => {
    await server?.stop();
    await origin?.stop();
  });

  /** Answers with a part or the whole of the body, and then ends, breaks off, or goes on. */
  function misbehave(random: (bound: number) => number): void {
    origin.answers((_, connection) => {
      const head = HEADS[random(HEADS.length)]!;
      const isChunked = head.startsWith('Transfer');
      const part = random(3) === 0 ? BODY.length : random(BODY.length);
      const frame = isChunked ? `${BODY.length.toString(16)}\r\n` : '';
      const wire = Buffer.concat([
        Buffer.from(`HTTP/1.1 200 OK\r\nCache-Control: no-store\r\n${head}\r\n${frame}`),
        BODY.subarray(0, part),
        Buffer.from(isChunked && part === BODY.length ? '\r\n0\r\n\r\n' : ''),
      ]);
      // Anywhere, also within the head; a whole one mostly stays whole.
      const bytes = random(4) === 0 ? wire.subarray(0, random(wire.length)) : wire;
      const isWhole = bytes.length === wire.length && part === BODY.length;
      const needsEnd = head === 'Connection: close\r\n';
      connection.socket.write(bytes, () => {
        // Only a reset tells of a body that ends with its connection that it is not whole.
        if (needsEnd) connection[isWhole ? 'finish' : 'cut']();
        else if (!isWhole) connection[random(2) === 0 ? 'finish' : 'cut']();
        else if (random(5) === 0) setImmediate(() => connection.cut());
      });
      return undefined;
    });
  }

  function expectHonest({ status, body }: Pick<RelayedResponse, 'status' | 'body'>, what: string): void {
    if (status !== 200) expect(status, what).to.equal(502);
    else expect(body.equals(BODY), `${what}: the whole body; there are ${body.length} bytes`).to.equal(true);
  }

  /** Whether it came to an answer. */
  async function plain(random: (bound: number) => number, what: string): Promise<boolean> {
    const client = await server.connect();
    const version = random(3) === 0 ? '1.0' : '1.1';
    const body = random(3) === 0 ? Buffer.alloc(random(100_000), 'up') : undefined;
    const length = body === undefined ? '' : `Content-Length: ${body.length}\r\n`;
    client.send(`${body === undefined ? 'GET' : 'PUT'} /x HTTP/${version}\r\nHost: a\r\n${length}\r\n`);
    const sent = body !== undefined && random(6) === 0 ? body.subarray(0, random(body.length + 1)) : body;
    if (sent !== undefined) client.send(sent);
    switch (random(5)) {
      case 0:
        setImmediate(() => client.socket.resetAndDestroy());
        break;
      case 1:
        client.socket.once('data', () => client.socket.resetAndDestroy());
    }
    try {
      // A body that is cut short would be waited for.
      const got = await (sent === body ? relayed(client) : Promise.race([relayed(client), later(500)]));
      if (got !== undefined) expectHonest(got, `${what} HTTP/${version}`);
      return got !== undefined;
    } catch (error) {
      if (error instanceof Error && error.name === 'AssertionError') throw error;
      return false;
    } finally {
      client.destroy();
    }
  }

  async function overHttp2(
    client: H2Client,
    random: (bound: number) => number,
    what: string,
  ): Promise<boolean> {
    if (random(4) === 0) {
      const stream = client.stream('/x').on('error', () => undefined);
      const leave = (): void => stream.close(http2.constants.NGHTTP2_CANCEL);
      if (random(2) === 0) stream.once('response', leave);
      else setImmediate(leave);
      await once(stream, 'close');
      return false;
    }
    const got = await client.get('/x');
    if (got.code === 0) expectHonest(got, `${what} HTTP/2`);
    return got.code === 0;
  }

  it('leaves workers, numbers and bodies as they should be', async () => {
    const pids = server.workerPids();
    const random = numbers(20_261_123);
    misbehave(random);
    let answered = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const client = await H2Client.open(server.securePort);
      const what = `round ${round}`;
      const all = Array.from({ length: AT_ONCE }, (_, i) =>
        i % 3 === 0 ? overHttp2(client, random, what) : plain(random, what),
      );
      answered += (await Promise.all(all)).filter(Boolean).length;
      client.close();
    }
    expect(answered, 'answers').to.be.above((ROUNDS * AT_ONCE) / 10);
    const stats = await server.settled();
    await server.statsWhen(({ upstream }) => upstream.active === 0, 'none under way');
    expect(server.workerPids()).to.deep.equal(pids);
    expect(stats.workers.map(({ restarts }) => restarts)).to.deep.equal(pids.map(() => 0));
    expect(server.reports).to.not.match(/could not be answered|could not be sent/);
  });
});

function later(ms: number): Promise<undefined> {
  return new Promise((resolve) => {
    setTimeout(() => resolve(undefined), ms).unref();
  });
}
