import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { Generators } from '../../../bench/load/generators.js';
import type { LoadJob } from '../../../bench/load/job.js';
import { runLoad } from '../../../bench/load/run-load.js';
import { toMeasurement } from '../../../bench/run-step.js';

const BODY = Buffer.alloc(1000, 'x');
const KEY = { round: 1, scenario: 's', connections: 8, server: 'node' };
const COST = { serverCpuUs: 500, serverProcessesEnded: 0, otherCpuShare: 0 };

describe('bench/load', () => {
  let server: Server;
  let accepted: number;
  let requests: number;

  async function serve(listener: RequestListener): Promise<(changes: Partial<LoadJob>) => LoadJob> {
    accepted = 0;
    requests = 0;
    server = createServer((request, response) => {
      requests += 1;
      listener(request, response);
    });
    server.on('connection', () => {
      accepted += 1;
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    return (changes) => ({
      url: `http://127.0.0.1:${port}/`,
      connections: 8,
      requests: 100,
      keepAlive: true,
      sizeBytes: BODY.length,
      timeoutSeconds: 10,
      ...changes,
    });
  }

  afterEach(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });

  it('opens a connection for each request, and counts every response of them', async () => {
    const job = await serve((_request, response) => response.end(BODY));
    const outcome = await runLoad(job({ keepAlive: false }), () => {});
    expect(outcome.timesMs).to.have.length(100);
    expect(outcome).to.include({ connectionsOpened: 100, socketErrors: 0, timeouts: 0, non2xx: 0, short: 0 });
    expect({ accepted, requests }).to.deep.equal({ accepted: 100, requests: 100 });
  });

  it('asks for the connection to be closed when it will not use it again', async () => {
    const seen = new Set<string | undefined>();
    const job = await serve((request, response) => {
      seen.add(request.headers.connection);
      response.end(BODY);
    });
    await runLoad(job({ keepAlive: false, requests: 8 }), () => {});
    expect([...seen]).to.deep.equal(['close']);
  });

  it('keeps its connections otherwise', async () => {
    const job = await serve((_request, response) => response.end(BODY));
    const outcome = await runLoad(job({}), () => {});
    expect(outcome.timesMs).to.have.length(100);
    expect(outcome.connectionsOpened).to.equal(8);
    expect({ accepted, requests }).to.deep.equal({ accepted: 8, requests: 100 });
  });

  for (const keepAlive of [true, false]) {
    it(`counts every kind of error, ${keepAlive ? 'with keep-alive' : 'with a connection per request'}`, async () => {
      const job = await serve((request, response) => {
        if (requests === 10) response.writeHead(500).end(BODY);
        else if (requests === 20) response.end('short');
        else if (requests === 30) request.socket.resetAndDestroy();
        else response.end(BODY);
      });
      const outcome = await runLoad(job({ keepAlive }), () => {});
      const run = toMeasurement(KEY, 100, [outcome], COST);
      if (!run.ok) throw new Error(run.reason);
      expect(run.responses).to.equal(99);
      expect(run.errors).to.deep.equal({ non2xx: 1, short: 1, socket: 1, timeouts: 0, lost: 0 });
    });
  }

  it('tells of requests that are never answered', async () => {
    const job = await serve((request, response) => {
      if (requests === 30) request.socket.end();
      else response.end(BODY);
    });
    const outcome = await runLoad(job({}), () => {});
    const run = toMeasurement(KEY, 100, [outcome], COST);
    expect(run.ok && run.errors.lost).to.equal(1);
  });

  it('has no numbers when nothing is answered', async () => {
    const job = await serve((request) => request.socket.resetAndDestroy());
    const outcome = await runLoad(job({}), () => {});
    expect(toMeasurement(KEY, 100, [outcome], COST)).to.include({ ok: false, reason: 'not one response' });
  });

  it('shares a load among processes, and puts together what they report', async () => {
    const job = await serve((_request, response) => response.end(BODY));
    const { signal } = new AbortController();
    const generators = new Generators(2, signal);
    try {
      const outcomes = await generators.run(job({ requests: 101 }), () => {});
      expect(outcomes.map(({ timesMs }) => timesMs.length)).to.deep.equal([51, 50]);
      const run = toMeasurement(KEY, 101, outcomes, COST);
      expect(run).to.include({ ok: true, responses: 101, connectionsOpened: 8 });
      expect({ accepted, requests }).to.deep.equal({ accepted: 8, requests: 101 });
    } finally {
      generators.stop();
    }
  });

  it('ends at once when it is interrupted', async () => {
    const interrupt = new AbortController();
    const job = await serve(() => interrupt.abort(new Error('interrupted')));
    const generators = new Generators(1, interrupt.signal);
    const outcome = await generators.run(job({}), () => {}).catch((error: unknown) => error);
    expect(outcome).to.be.an('error').with.property('message', 'interrupted');
  });
});
