import { expect } from 'chai';
import fc from 'fast-check';
import type { Candidate } from '../../../src/master/dispatch.js';
import { Dispatcher, type DispatcherOptions } from '../../../src/master/dispatcher.js';
import type { WorkerHandle } from '../../../src/master/worker-handle.js';
import type { Protocol } from '../../../src/transport/connection.js';
import type { Waiting } from '../../../src/transport/handover.js';
import { eventually } from '../../helpers/eventually.js';

class FakeWorker {
  place = 0;
  load = 0;
  inFlight = 0;
  takes = true;
  stalled = false;
  readonly given: FakeWaiting[] = [];

  onLook: (() => void) | undefined;

  look(_nowMs: number, capacity: number): Candidate {
    this.onLook?.();
    return { load: this.load, weight: this.load, capacity, stalled: this.stalled };
  }

  acknowledge(): void {
    this.inFlight = 0;
  }

  takeBack(): Waiting[] {
    return this.given.splice(0);
  }

  handOver(connection: Waiting): boolean {
    if (!this.takes) return false;
    this.given.push(connection as FakeWaiting);
    this.load++;
    return true;
  }
}

class FakeWaiting implements Waiting {
  readonly name: string;
  readonly returned: boolean;
  readonly unused: Uint8Array;
  place: number | undefined;
  protocol: Protocol = 'http';
  released = 0;
  response = '';

  constructor(name: string, returned = false, unused = '') {
    this.name = name;
    this.returned = returned;
    this.unused = Buffer.from(unused);
  }

  release(): void {
    this.released++;
  }

  refuse(response: Uint8Array, gone?: () => void): number {
    this.response = Buffer.from(response).toString();
    gone?.();
    return response.length;
  }
}

describe('master/dispatcher', () => {
  let workers: FakeWorker[];
  let refusedBytes: number[];
  let reports: string[];
  let dispatcher: Dispatcher;
  let maxHeld: number;
  let canHold: boolean;
  let holds: boolean[];

  beforeEach(() => {
    workers = [new FakeWorker(), new FakeWorker()];
    refusedBytes = [];
    reports = [];
    maxHeld = 100;
    canHold = false;
    holds = [];
    dispatcher = make();
  });
  afterEach(() => dispatcher.close());

  function make(overrides: Partial<DispatcherOptions> = {}): Dispatcher {
    // Only what is asked of them here is there.
    const handles = (): readonly WorkerHandle[] => workers as unknown as readonly WorkerHandle[];
    return new Dispatcher({
      maxWaiting: () => 3,
      capacity: () => 2,
      ready: handles,
      all: handles,
      inFlight: () => workers.reduce((sum, worker) => sum + worker.inFlight, 0),
      maxHeld: () => maxHeld,
      holdBack: (hold) => {
        if (!canHold) return false;
        holds.push(hold);
        return true;
      },
      onRefused: (bytes) => refusedBytes.push(bytes),
      report: (text) => reports.push(text),
      ...overrides,
    });
  }

  function receive(name: string, returned = false, unused = ''): FakeWaiting {
    const connection = new FakeWaiting(name, returned, unused);
    dispatcher.receive(connection);
    return connection;
  }

  const given = (): string[][] => workers.map((worker) => worker.given.map(({ name }) => name));

  it('gives connections out evenly', () => {
    for (const name of ['1', '2', '3', '4']) receive(name);
    expect(given()).to.deep.equal([
      ['1', '3'],
      ['2', '4'],
    ]);
  });

  it('asks another worker when one takes none now', () => {
    workers[0]!.takes = false;
    for (const name of ['1', '2']) receive(name);
    expect(given()).to.deep.equal([[], ['1', '2']]);
  });

  it('keeps what no worker can take, in order, and gives it out when there is room', async () => {
    for (let i = 1; i <= 7; i++) receive(String(i));
    expect([dispatcher.waiting, refusedBytes.length]).to.deep.equal([3, 0]);
    for (const worker of workers) worker.load = 0;
    await eventually(
      () => dispatcher.waiting === 0 || undefined,
      () => 'the queue is empty',
    );
    expect(given().flat().sort()).to.deep.equal(['1', '2', '3', '4', '5', '6', '7']);
    expect(workers.flatMap((worker) => worker.given.slice(2).map(({ name }) => name)).sort()).to.deep.equal([
      '5',
      '6',
      '7',
    ]);
  });

  it('does not let a new connection pass those that wait', () => {
    for (const worker of workers) worker.takes = false;
    receive('first');
    for (const worker of workers) worker.takes = true;
    receive('second');
    dispatcher.pump();
    expect(given()).to.deep.equal([['first'], ['second']]);
  });

  describe('what was handed back for a certain worker', () => {
    function receiveFor(place: number, name: string): FakeWaiting {
      const connection = new FakeWaiting(name, true);
      connection.place = place;
      dispatcher.receive(connection);
      return connection;
    }

    beforeEach(() => {
      workers[0]!.place = 1;
      workers[1]!.place = 2;
    });

    it('goes there, however much that one has', () => {
      workers[1]!.load = 1;
      receiveFor(2, 'a');
      expect(given()).to.deep.equal([[], ['a']]);
    });

    it('goes to another when there is none at that place', () => {
      receiveFor(7, 'a');
      expect(given().flat()).to.deep.equal(['a']);
    });

    it('goes to another when that one is stalled', () => {
      workers[1]!.stalled = true;
      receiveFor(2, 'a');
      expect(given()).to.deep.equal([['a'], []]);
    });

    it('waits while that one takes none for the moment, and others do not', () => {
      workers[1]!.takes = false;
      receiveFor(2, 'a');
      receive('b');
      expect([given(), dispatcher.waiting]).to.deep.equal([[['b'], []], 1]);
      workers[1]!.takes = true;
      dispatcher.pump();
      expect([given(), dispatcher.waiting]).to.deep.equal([[['b'], ['a']], 0]);
    });

    it('goes to another after a while', async () => {
      workers[1]!.load = 2;
      receiveFor(2, 'a');
      await eventually(
        () => given()[0]!.length > 0 || undefined,
        () => 'given to the other',
      );
      expect([given(), dispatcher.waiting]).to.deep.equal([[['a'], []], 0]);
    });

    it('is let go of at the end, when it asks nothing', () => {
      workers[1]!.takes = false;
      const connection = receiveFor(2, 'a');
      dispatcher.end();
      expect([connection.released, dispatcher.waiting]).to.deep.equal([1, 0]);
    });
  });

  it('gives nothing twice when a worker gives something back while it is looked at', () => {
    for (const worker of workers) worker.takes = false;
    for (const name of ['1', '2']) receive(name);
    const untaken = new FakeWaiting('untaken');
    const [worker] = workers as [FakeWorker, FakeWorker];
    worker.onLook = () => {
      worker.onLook = undefined;
      dispatcher.receiveAgain([untaken]);
    };
    for (const each of workers) each.takes = true;
    dispatcher.pump();
    expect(given().flat().sort()).to.deep.equal(['1', '2', 'untaken']);
  });

  it('answers 503 when the queue is full too, counts it, and reports it once', () => {
    const all = Array.from({ length: 9 }, (_, i) => receive(String(i)));
    const refused = all.filter(({ response }) => response !== '');
    expect(refused.map(({ name }) => name)).to.deep.equal(['7', '8']);
    for (const { response } of refused) {
      expect(response).to.match(/^HTTP\/1\.1 503 .*\r\nConnection: close\r\n\r\n/s);
      const [, length, body] = /Content-Length: (\d+)\r\n.*?\r\n\r\n(.*)$/s.exec(response)!;
      expect(body!.length).to.equal(Number(length));
    }
    expect(refusedBytes).to.deep.equal(refused.map(({ response }) => response.length));
    expect(reports).to.have.lengthOf(1);
  });

  it('turns nobody away who was already being served', () => {
    for (let i = 0; i < 7; i++) receive(String(i));
    const back = receive('back', true);
    expect([back.response, dispatcher.waiting]).to.deep.equal(['', 4]);
    workers[0]!.load = 0;
    dispatcher.pump();
    expect(workers[0]!.given[2]).to.equal(back);
  });

  it('keeps those for whom a worker has room, however many wait for its channel', () => {
    for (const worker of workers) worker.takes = false;
    const all = Array.from({ length: 8 }, (_, i) => receive(String(i)));
    expect(all.filter(({ response }) => response !== '').map(({ name }) => name)).to.deep.equal(['7']);
  });

  it('refuses new connections when it is short of descriptors itself', () => {
    maxHeld = 2;
    for (const worker of workers) worker.takes = false;
    const [a, b, c] = ['a', 'b', 'c'].map((name) => receive(name));
    expect([a!.response, b!.response]).to.deep.equal(['', '']);
    expect(c!.response).to.include(' 503 ');
    expect(receive('back', true).response).to.equal('');
    expect(reports.join()).to.include('descriptors');
  });

  it('refuses in the words of the protocol that the client speaks', () => {
    dispatcher.end();
    const refusals = { getfile: /^GETFILE ERROR\r\n\r\n$/, jobs: /^ERR unavailable [^\n]+\n$/ };
    for (const protocol of ['getfile', 'jobs'] as const) {
      const connection = new FakeWaiting('a');
      connection.protocol = protocol;
      dispatcher.receive(connection);
      expect(connection.response).to.match(refusals[protocol]);
      expect(refusedBytes.pop()).to.equal(connection.response.length);
    }
  });

  it('leaves with the kernel what would be too many, where that can be, and takes it again', async () => {
    canHold = true;
    for (const worker of workers) worker.load = 2;
    const names = ['1', '2', '3'];
    const all = names.map((name) => receive(name));
    expect(holds).to.deep.equal([true]);
    expect(reports.join()).to.include('the wait queue are full: new connections wait with the kernel');
    workers[0]!.load = 0;
    await eventually(
      () => (holds.length === 2 ? true : undefined),
      () => 'new connections are taken again',
    );
    expect(holds).to.deep.equal([true, false]);
    expect(given()[0]).to.deep.equal(['1', '2']);
    expect(all.every(({ response }) => response === '')).to.equal(true);
  });

  it('leaves new connections with the kernel when it is short of descriptors itself', () => {
    canHold = true;
    maxHeld = 2;
    for (const worker of workers) worker.takes = false;
    receive('a');
    expect(holds).to.deep.equal([]);
    receive('b');
    expect(holds).to.deep.equal([true]);
    expect(reports.join()).to.include('descriptors');
  });

  it('gives others what a stopped worker has not begun to take', async () => {
    receive('early');
    workers[0]!.stalled = true;
    receive('late');
    await eventually(
      () => (workers[0]!.given.length === 0 ? true : undefined),
      () => 'taken back',
    );
    expect(given()[1]).to.have.members(['early', 'late']);
  });

  it('leaves a stalled worker alone while there is no other', async () => {
    receive('a');
    for (const worker of workers) worker.stalled = true;
    receive('b');
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(given()).to.deep.equal([['a'], ['b']]);
  });

  it('puts what a dead worker had not taken before all others', () => {
    for (const worker of workers) worker.takes = false;
    receive('waits');
    dispatcher.receiveAgain([new FakeWaiting('left 1'), new FakeWaiting('left 2')]);
    for (const worker of workers) worker.takes = true;
    dispatcher.pump();
    expect(given()).to.deep.equal([['left 1', 'waits'], ['left 2']]);
  });

  it('at the end answers what was asked, and lets go of who asks nothing', () => {
    for (const worker of workers) worker.takes = false;
    const fresh = receive('new');
    const idle = receive('idle', true);
    const asking = receive('asking', true, 'GET /');
    dispatcher.end();
    const late = receive('late');
    expect([fresh, asking, late].every(({ response }) => response.includes(' 503 '))).to.equal(true);
    expect([idle.response, idle.released, refusedBytes.length]).to.deep.equal(['', 1, 3]);
    expect(dispatcher.waiting).to.equal(0);
  });

  it('drops nobody, whatever the workers do', () => {
    const step = fc.record({
      kind: fc.constantFrom('receive', 'back', 'free', 'block', 'unblock', 'pump'),
      worker: fc.nat(1),
    });
    const property = fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      workers = [new FakeWorker(), new FakeWorker()];
      refusedBytes = [];
      const subject = make();
      const all: FakeWaiting[] = [];
      for (const { kind, worker: at } of steps) {
        const worker = workers[at]!;
        if (kind === 'receive' || kind === 'back') {
          const connection = new FakeWaiting(String(all.length), kind === 'back');
          all.push(connection);
          subject.receive(connection);
        } else if (kind === 'free') worker.load = Math.max(0, worker.load - 1);
        else if (kind === 'pump') subject.pump();
        else worker.takes = kind === 'unblock';
        expect(Math.max(...workers.map(({ load }) => load))).to.be.at.most(2);
      }
      const out = workers.reduce((sum, worker) => sum + worker.given.length, 0);
      expect(out + subject.waiting + refusedBytes.length).to.equal(all.length);
      expect(all.some(({ returned, response }) => returned && response !== '')).to.equal(false);
      subject.close();
    });
    fc.assert(property, { numRuns: 500 });
  });
});
