/** Work that is with one worker is evened out, and workers come and go, without a client noticing. */
import { expect } from 'chai';
import { eventually } from '../helpers/eventually.js';
import { Crowd, type Page, runLoad, startLoad } from '../helpers/load-clients.js';
import { TestServer, TRANSPORT } from '../helpers/server.js';

const small: Page = { target: '/small.txt', body: Buffer.alloc(1000, 'small ') };

describe('evening out', () => {
  let server: TestServer;
  beforeEach(async () => {
    server = await TestServer.start();
    server.site.file('small.txt', small.body);
  });
  afterEach(() => server.stop());

  const openOf = (): number[] => server.stats().workers.map(({ connections }) => connections);

  /** As many clients as asked for, all with one worker: those that were with the other have left. */
  async function allWithOne(clients: number): Promise<Crowd> {
    const [stopped] = server.workerPids();
    process.kill(stopped!, 'SIGSTOP');
    try {
      // The portable transport cannot take back two of the first ones, and they wait for it to go on.
      const early = startLoad({ port: server.port, clients: 4, pages: [small], mode: 'per-request' }, 1);
      await eventually(
        () => early.result.whole >= (TRANSPORT === 'portable' ? 2 : 4) || undefined,
        () => `answers of the other worker; there are ${early.result.whole}`,
      );
      const crowd = new Crowd({ port: server.port, clients, pages: [small] });
      await crowd.ask();
      await eventually(
        () => openOf().some((open) => open >= clients) || undefined,
        () => `all with one; there are ${openOf().join(' and ')}`,
      );
      process.kill(stopped!, 'SIGCONT');
      await early.ended;
      return crowd;
    } finally {
      process.kill(stopped!, 'SIGCONT');
    }
  }

  it('spreads 8 busy connections that are all with one worker, and closes none', async () => {
    const crowd = await allWithOne(8);
    const before = server.stats().workers.map(({ requests }) => requests);
    const even = eventually(
      () => (openOf().every((open) => open >= 3) ? true : undefined),
      () => `3 to 5 each; there are ${openOf().join(' and ')}`,
    );
    let done = false;
    void even.finally(() => {
      done = true;
    });
    while (!done) await crowd.ask();
    await even;
    for (let i = 0; i < 20; i++) await crowd.ask();
    expect(crowd.result).to.deep.include({ broken: 0, refused: 0, wrong: [], connections: 8 });
    const stats = await server.statsWhen(
      ({ workers }) => workers.every(({ requests }, i) => requests - before[i]! > 20),
      'both answer',
    );
    expect(stats.connections.accepted).to.equal(8 + 4);
    crowd.leave();
    await server.settled();
  });

  it('spreads idle ones too', async () => {
    const crowd = await allWithOne(40);
    await eventually(
      () => (openOf().every((open) => open >= 15) ? true : undefined),
      () => `about 20 each; there are ${openOf().join(' and ')}`,
    );
    await crowd.ask();
    expect(crowd.result).to.include({ whole: 80, broken: 0, connections: 40 });
    crowd.leave();
    await server.settled();
  });

  it('adds a worker at SIGTTIN and takes one away at SIGTTOU, closing no connection', async () => {
    const load = startLoad({ port: server.port, clients: 16, pages: [small], mode: 'keep-alive' });
    server.signal('SIGTTIN');
    await server.reported(/3 workers now/);
    await server.statsWhen(
      ({ workers }) => workers.length === 3 && workers.every(({ connections }) => connections > 0),
      'the third worker has some',
    );
    server.signal('SIGTTOU');
    await server.reported(/2 workers now/);
    server.signal('SIGTTOU');
    await server.reported(/1 workers now/);
    await server.statsWhen(({ workers }) => workers.length === 1, 'one worker');
    server.signal('SIGTTOU');
    await server.reported(/the last worker stays/);
    const result = await load.stop();
    expect(result).to.deep.include({ cut: 0, broken: 0, refused: 0, wrong: [], connections: 16 });
    server.signal('SIGHUP');
    await server.reported(/reloaded: 2 new workers/);
    expect(
      await runLoad({ port: server.port, clients: 4, pages: [small], mode: 'per-request' }, 2),
    ).to.include({
      whole: 8,
    });
  });
});
