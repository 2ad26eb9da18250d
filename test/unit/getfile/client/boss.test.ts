import { expect } from 'chai';
import { Boss } from '../../../../src/getfile/client/boss.js';
import type { Job, Outcome } from '../../../../src/getfile/client/job.js';
import { eventually } from '../../../helpers/eventually.js';
import { GetFileServer, ok } from '../../../helpers/getfile-server.js';

describe('getfile/client/boss', () => {
  let server: GetFileServer;
  let made = 0;
  let outcomes: [path: string, outcome: Outcome][] = [];
  beforeEach(() => {
    made = 0;
    outcomes = [];
  });
  afterEach(() => server.close());

  function boss(
    threads: number,
    count: number,
    file: (i: number) => string | undefined = () => undefined,
  ): Boss {
    const [host = '', port] = server.address.split(':');
    const addresses = [{ address: host, family: 4 }];
    function* jobs(): Generator<Job, void> {
      for (let i = 0; i < count; i++) {
        made++;
        yield { path: `/${i}`, file: file(i), expected: undefined };
      }
    }
    return new Boss({
      threads,
      thread: { host, addresses, port: Number(port), timeoutMs: 10_000, hashes: false },
      jobs: jobs(),
      onOutcome: ({ path }, outcome) => outcomes.push([path, outcome]),
    });
  }

  it('does every job once', async () => {
    server = await GetFileServer.start((socket, path) => socket.end(ok(path)));
    await boss(3, 50).run();
    const paths = Array.from({ length: 50 }, (_, i) => `/${i}`).sort();
    expect([...server.asked].sort()).to.deep.equal(paths);
    expect(outcomes.map(([path]) => path).sort()).to.deep.equal(paths);
    for (const [path, { status, bytes, problem }] of outcomes) {
      expect([status, bytes, problem]).to.deep.equal(['OK', path.length, undefined]);
    }
  });

  it('makes no more jobs than its threads have room for', async () => {
    const waiting: (() => void)[] = [];
    server = await GetFileServer.start((socket, path) => waiting.push(() => socket.end(ok(path))));
    const running = boss(3, 20).run();
    for (let done = 0; done < 20; done++) {
      await eventually(
        () => waiting.length > 0 || undefined,
        () => 'a request',
      );
      expect(server.open, 'transfers at once').to.be.at.most(3);
      expect(made - outcomes.length, 'jobs handed out').to.be.at.most(6);
      waiting.shift()!();
    }
    await running;
    expect(outcomes).to.have.lengthOf(20);
  });

  it('has an outcome for what it broke off, and none for what nobody began', async () => {
    server = await GetFileServer.start(() => undefined);
    const stopped = boss(2, 100);
    const running = stopped.run();
    await eventually(
      () => server.asked.length === 2 || undefined,
      () => 'two requests',
    );
    stopped.stop();
    await running;
    expect(outcomes.map(([, { problem }]) => problem)).to.deep.equal(['interrupted', 'interrupted']);
  });

  it('goes on when a job fails', async () => {
    server = await GetFileServer.start((socket, path) => socket.end(ok(path)));
    await boss(1, 3, (i) => (i === 1 ? '/dev/null/x' : undefined)).run();
    const [first, second, third] = outcomes.map(([, { problem }]) => problem);
    expect([first, third]).to.deep.equal([undefined, undefined]);
    expect(second).to.match(/^(EEXIST|ENOTDIR)/);
  });
});
