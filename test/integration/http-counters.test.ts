/** The numbers are exact: what the statistics and the access log say is what the clients saw. */
import { expect } from 'chai';
import type { StatsDocument } from '../../src/stats/schema.js';
import type { RawClient } from '../helpers/raw-client.js';
import { TestServer } from '../helpers/server.js';

/** What clients saw, all together. */
class Tally {
  requests = 0;
  receivedBytes = 0;
  sentBytes = 0;
  bodyBytes = 0;
  readonly statuses = new Map<number, number>();

  response(status: number, bodyBytes: number): void {
    this.requests++;
    this.bodyBytes += bodyBytes;
    this.statuses.set(status, this.of(status) + 1);
  }

  done(client: RawClient): void {
    this.receivedBytes += client.receivedBytes;
    this.sentBytes += client.socket.bytesWritten;
    client.destroy();
  }

  of(status: number): number {
    return this.statuses.get(status) ?? 0;
  }

  ofClass(digit: number): number {
    return [...this.statuses].reduce(
      (sum, [status, n]) => sum + (Math.floor(status / 100) === digit ? n : 0),
      0,
    );
  }
}

const request = (line: string, ...fields: string[]) =>
  [`${line} HTTP/1.1`, 'Host: x', ...fields, '', ''].join('\r\n');

describe('counters', () => {
  let server: TestServer;
  let etag = '';
  before(async () => {
    server = await TestServer.start({ settings: { LOG_FORMAT: 'json' } });
    const { site } = server;
    site.file('a.txt', 'alpha');
    site.file('page.html', 'page '.repeat(1000));
    site.file('medium.bin', Buffer.alloc(200_000, 'm'));
    site.file('large.bin', Buffer.alloc(1_500_000, 'l'));
    site.directory('docs');
    etag = (await server.get('/a.txt')).field('etag')!;
  });
  after(() => server?.stop());

  /** A mix of all that can be asked on one connection, with the method of each request. */
  const mix = (): readonly (readonly [string, string])[] => [
    ['GET', request('GET /a.txt')],
    ['GET', request('GET /medium.bin')],
    ['HEAD', request('HEAD /large.bin')],
    ['GET', request('GET /large.bin')],
    ['GET', request('GET /a.txt', `If-None-Match: ${etag}`)],
    ['GET', request('GET /a.txt', 'If-Match: "other"')],
    ['GET', request('GET /large.bin', 'Range: bytes=5-9')],
    ['GET', request('GET /medium.bin', 'Range: bytes=5-9,100-199')],
    ['GET', request('GET /medium.bin', 'Range: bytes=9999999-')],
    ['GET', request('GET /page.html', 'Accept-Encoding: br')],
    ['GET', request('GET /page.html', 'Accept-Encoding: gzip')],
    ['HEAD', request('HEAD /page.html', 'Accept-Encoding: gzip')],
    ['GET', request('GET /missing')],
    ['HEAD', request('HEAD /missing')],
    ['GET', request('GET /docs')],
    ['GET', request('GET /%zz')],
    ['POST', `${request('POST /a.txt', 'Content-Length: 5')}hello`],
    ['PUT', `${request('PUT /a.txt', 'Transfer-Encoding: chunked')}5\r\nhello\r\n0\r\n\r\n`],
    ['BREW', request('BREW /a.txt')],
    ['OPTIONS', request('OPTIONS *')],
    ['GET', 'GET /a.txt HTTP/1.0\r\nConnection: keep-alive\r\n\r\n'],
  ];

  const expectExact = (stats: StatsDocument, before: StatsDocument, tally: Tally) => {
    const { status } = stats;
    expect(stats.requests.total - before.requests.total).to.equal(tally.requests);
    for (const digit of [2, 3, 4, 5] as const) {
      expect(status[`${digit}xx`] - before.status[`${digit}xx`], `${digit}xx`).to.equal(tally.ofClass(digit));
    }
    for (const code of ['200', '206', '304', '404'] as const) {
      expect(status[code] - before.status[code], code).to.equal(tally.of(Number(code)));
    }
    expect(stats.bytes.sent - before.bytes.sent, 'bytes sent').to.equal(tally.receivedBytes);
    expect(stats.bytes.received - before.bytes.received, 'bytes received').to.equal(tally.sentBytes);
    const ofWorkers = stats.workers.reduce((sum, { requests }) => sum + requests, 0);
    expect(ofWorkers, 'all workers together').to.equal(stats.requests.total);
  };

  it('count a mixed load of many connections exactly, and so does the log', async () => {
    const before = await server.settled();
    const tally = new Tally();
    const one = async (client: RawClient, pipelined: boolean) => {
      const requests = mix();
      if (pipelined) client.send(requests.map(([, text]) => text).join(''));
      for (const [method, text] of requests) {
        const response = await (pipelined ? client.response(method) : client.exchange(text, method));
        tally.response(response.status, response.body.length);
      }
      if (pipelined) {
        // Protocol errors end connections; they are requests too.
        const error = await client.exchange('GET /a.txt HTTP/1.1\r\nBad Field: x\r\n\r\n', 'GET');
        tally.response(error.status, error.body.length);
      }
      tally.done(client);
    };
    const clients = await Promise.all(Array.from({ length: 24 }, () => server.connect()));
    await Promise.all(clients.map((client, n) => one(client, n % 2 === 0)));

    const stats = await server.settled();
    expectExact(stats, before, tally);
    expect(stats.requests.aborts).to.equal(before.requests.aborts);
    expect(stats.connections.accepted - before.connections.accepted).to.equal(24);

    const all = await server.logLines(stats.requests.total);
    expect(all).to.have.length(stats.requests.total);
    const entries = all
      .slice(before.requests.total)
      .map((line) => JSON.parse(line) as { status: number; bytes: number });
    for (const [status, count] of tally.statuses) {
      expect(entries.filter((entry) => entry.status === status).length, `${status} in the log`).to.equal(
        count,
      );
    }
    const logged = entries.reduce((sum, { bytes }) => sum + bytes, 0);
    expect(logged, 'bytes in the log').to.equal(tally.bodyBytes);
  });

  it('count what 100 Continue takes, and no request for it', async () => {
    const before = await server.settled();
    const tally = new Tally();
    const client = await server.connect();
    await client.exchange(request('POST /a.txt', 'Content-Length: 2', 'Expect: 100-continue'));
    const response = await client.exchange('ok', 'POST');
    tally.response(response.status, response.body.length);
    tally.done(client);
    expectExact(await server.settled(), before, tally);
  });

  it('count nothing for connections that ask nothing', async () => {
    const before = await server.settled();
    const tally = new Tally();
    for (const part of ['', 'GET /a.txt HTT']) {
      const client = await server.connect();
      await client.send(part).finish().closed();
      tally.done(client);
    }
    const stats = await server.settled();
    expectExact(stats, before, tally);
    expect(stats.connections.accepted - before.connections.accepted).to.equal(2);
  });

  it('count downloads that are broken off: as requests, as aborts, and by the bytes that left', async () => {
    const before = await server.settled();
    const count = 30;
    let received = 0;
    for (let n = 0; n < count; n++) {
      const client = await server.connect();
      // Of one that is larger than what sockets buffer, on both sides.
      client.send(request('GET /large.bin').repeat(8));
      for (let whole = 0; whole < n % 3; whole++) await client.response();
      client.socket.pause();
      client.destroy();
      received += client.receivedBytes;
    }
    const stats = await server.settled();
    expect(stats.requests.aborts - before.requests.aborts).to.be.at.least(count);
    expect(stats.requests.total - before.requests.total).to.be.within(count, count * 8);
    expect(stats.status['200'] - before.status['200']).to.equal(stats.requests.total - before.requests.total);
    const sent = stats.bytes.sent - before.bytes.sent;
    expect(sent)
      .to.be.at.least(received)
      .and.below(count * 8 * 1_501_000);
    const lines = await server.logLines(stats.requests.total);
    expect(lines).to.have.length(stats.requests.total);
    const broken = lines
      .slice(before.requests.total)
      .map((line) => (JSON.parse(line) as { bytes: number }).bytes);
    for (const bytes of broken) expect(bytes).to.be.within(0, 1_500_000);
    expect(
      broken.reduce((sum, bytes) => sum + bytes, 0),
      'bodies are less than all',
    ).to.be.at.most(sent);
  });

  it('agree in all files: six numbers, JSON, and what Prometheus reads', async () => {
    await server.settled();
    const six = (await server.get('/statFile.txt')).text.trim().split(',').map(Number);
    const document = (await server.get('/stats.json')).json as StatsDocument;
    const metrics = (await server.get('/metrics')).text;
    const { status, requests } = document;
    expect(six.slice(2)).to.deep.equal([status['200'], status['404'], status['5xx'], requests.total]);
    const classes = [...metrics.matchAll(/^handover_requests_total\{status="\dxx"\} (\d+)$/gm)];
    expect(classes.reduce((sum, [, count]) => sum + Number(count), 0)).to.equal(requests.total);
  });
});
