/** Interim responses of an upstream (RFC 9110 section 15.2): they reach the client that has asked, before the reply. */
import { once } from 'node:events';
import http from 'node:http';
import type { IncomingHttpHeaders } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { tlsSettings } from '../helpers/certificates.js';
import { eventually } from '../helpers/eventually.js';
import { H2Client, responseOf } from '../helpers/h2-client.js';
import { type Proxied, startProxied } from '../helpers/proxied.js';
import { RawClient } from '../helpers/raw-client.js';
import { response } from '../helpers/raw-origin.js';
import { Relay } from '../helpers/relay.js';
import { relayed } from '../helpers/relayed-response.js';
import { TestServer } from '../helpers/server.js';

const LINK = '</styles.css>; rel=preload; as=style';

describe('interim responses of an upstream', () => {
  let server: TestServer;
  let cacheControl: string;
  const origin = http.createServer((_request, response) => {
    response.writeProcessing();
    // What is said of one connection, or of a body that there is not, goes no further.
    response.writeEarlyHints({
      link: LINK,
      'x-hint': 'é',
      connection: 'x-hop',
      'x-hop': '1',
      'content-length': '5',
    });
    response.writeHead(200, {
      'Cache-Control': cacheControl,
      'Content-Type': 'text/plain',
      'Content-Length': 5,
    });
    response.end('whole');
  });

  before(async () => {
    origin.listen(0, '127.0.0.1');
    await once(origin, 'listening');
    const { port } = origin.address() as AddressInfo;
    const PROXY = `/p http://127.0.0.1:${port}`;
    server = await TestServer.start({ settings: { ...tlsSettings(), PROXY, NUM_WORKERS: '1' } });
  });
  after(async () => {
    await server.stop();
    origin.closeAllConnections();
    origin.close();
  });
  beforeEach(() => {
    cacheControl = 'no-store';
  });

  const request = (path: string, minor = 1): string => `GET ${path} HTTP/1.${minor}\r\nHost: a\r\n\r\n`;

  it('come before the reply, and are no part of it', async () => {
    const client = await RawClient.open(server.port);
    expect((await client.exchange(request('/p/plain'))).head).to.equal('HTTP/1.1 102 Processing\r\n\r\n');
    const hints = await client.response();
    expect(hints.head).to.equal(`HTTP/1.1 103 Early Hints\r\nLink: ${LINK}\r\nx-hint: é\r\n\r\n`);
    const reply = await client.response();
    expect([reply.status, reply.text, reply.field('link')]).to.deep.equal([200, 'whole', undefined]);
    client.destroy();
  });

  it('are not stored with what is', async () => {
    cacheControl = 'max-age=60';
    const client = await RawClient.open(server.port);
    const statuses = [(await client.exchange(request('/p/stored'))).status];
    while (statuses.at(-1)! < 200) statuses.push((await client.response()).status);
    expect(statuses).to.deep.equal([102, 103, 200]);
    const hit = await client.exchange(request('/p/stored'));
    expect([hit.status, hit.field('x-cache'), hit.field('x-hint')]).to.deep.equal([200, 'HIT', undefined]);
    client.destroy();
  });

  it('stay in their place between requests that follow at once', async () => {
    const client = await RawClient.open(server.port);
    client.send(request('/p/1') + request('/p/2') + request('/p/3'));
    const statuses: number[] = [];
    for (let i = 0; i < 9; i++) statuses.push((await client.response()).status);
    expect(statuses).to.deep.equal([102, 103, 200, 102, 103, 200, 102, 103, 200]);
    client.destroy();
  });

  it('are not sent to a client that has its reply already', async () => {
    cacheControl = 'max-age=0, stale-while-revalidate=60';
    const client = await RawClient.open(server.port);
    client.send(request('/p/stale'));
    for (let i = 0; i < 3; i++) await client.response();
    cacheControl = 'max-age=60';
    const states: (string | undefined)[] = [];
    // Asked in the background: whatever came of that would stand before one of these replies.
    while (states.at(-1) !== 'HIT') {
      const reply = await client.exchange(request('/p/stale'));
      expect(reply.status).to.equal(200);
      states.push(reply.field('x-cache'));
    }
    expect(states[0]).to.equal('STALE');
    client.destroy();
  });

  it('are nothing for HTTP/1.0', async () => {
    const client = await RawClient.open(server.port);
    expect((await client.exchange(request('/p/old', 0))).status).to.equal(200);
    client.destroy();
  });

  it('come over HTTP/2, too', async () => {
    const client = await H2Client.open(server.securePort);
    const stream = client.stream('/p/h2');
    const interim: IncomingHttpHeaders[] = [];
    stream.on('headers', (fields) => interim.push(fields));
    const { status, body, fields } = await responseOf(stream);
    expect(interim.map((each) => each[':status'])).to.deep.equal([102, 103]);
    expect(interim[1]).to.include({ link: LINK }).and.not.have.any.keys('x-hop', 'content-length');
    expect([status, body.toString(), fields['x-hint']]).to.deep.equal([200, 'whole', undefined]);
    client.close();
  });
});

describe('interim responses without end', () => {
  const COUNT = 2000;
  /** Of 12 KB, each another. */
  const interim = (i: number): string =>
    `HTTP/1.1 103 Hints\r\nX-${i}: ${`${i} `.padEnd(12_000, 'x')}\r\n\r\n`;

  let proxied: Proxied;
  let relay: Relay;
  let close: () => void;
  beforeEach(async () => {
    close = () => undefined;
    proxied = await startProxied(tlsSettings());
  });
  afterEach(async () => {
    close();
    relay.close();
    await proxied.server.stop();
    await proxied.origin.stop();
  });

  for (const protocol of ['HTTP/1.1', 'HTTP/2']) {
    it(`do not pile up before a client that takes nothing (${protocol})`, async () => {
      const { origin, server } = proxied;
      relay = await Relay.to(protocol === 'HTTP/2' ? server.securePort : server.port);
      let received = 0;
      let got: Promise<number>;
      if (protocol === 'HTTP/2') {
        const client = await H2Client.open(relay.port);
        const stream = client.stream('/');
        stream.on('headers', () => received++);
        got = responseOf(stream).then(({ status }) => status);
        close = () => client.close();
      } else {
        const client = await RawClient.open(relay.port);
        client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
        got = (async () => {
          let { status } = await relayed(client);
          for (; status < 200; { status } = await relayed(client)) received++;
          return status;
        })();
        close = () => client.destroy();
      }
      const upstream = await origin.connection();
      await upstream.request();
      relay.stopReading();
      for (let i = 0; i < COUNT; i++) upstream.send(interim(i));
      await eventually(
        () => upstream.socket.writableLength === 0 || undefined,
        () => 'an upstream that has said all',
      );
      upstream.send(response('whole'));
      relay.readAgain();
      expect(await got).to.equal(200);
      // What the sockets on the way hold, and little more.
      expect(received).to.be.within(1, COUNT / 2);
    });
  }
});
