/**
 * A transport at work: the master's half in this process, workers in processes of their own, and clients
 * with real sockets. The bench plays the master's policy: it hands over when the test says so.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { FIELD, type SlotField } from '../../src/stats/schema.js';
import { Scoreboard } from '../../src/stats/scoreboard.js';
import type { ListenAddress, MasterTransport, Waiting, WorkerChannel } from '../../src/transport/handover.js';
import { eventually, within } from './eventually.js';
import { LineClient } from './line-client.js';
import type { ConnectionEvent, FromWorker, ToWorker, WorkerState } from './transport-protocol.js';

/** More than any test has under way. */
export const BACKLOG = 128;

const CHILD = fileURLToPath(new URL('./transport-child.js', import.meta.url));

export class BenchWorker {
  readonly channel: WorkerChannel;
  readonly #child: ChildProcess;
  readonly #board: Scoreboard;
  readonly #slot: number;
  #events: ConnectionEvent[] = [];
  #states: WorkerState[] = [];

  constructor(child: ChildProcess, board: Scoreboard, slot: number, channel: WorkerChannel) {
    this.#child = child;
    this.#board = board;
    this.#slot = slot;
    this.channel = channel;
    child.on('message', (message: FromWorker) => {
      if ('event' in message) this.#events.push(message.event);
      else if ('state' in message) this.#states.push(message.state);
    });
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** A count as it is on record. */
  count(field: SlotField): number {
    return this.#board.readField(this.#slot, FIELD[field]);
  }

  /** Releases what the worker has taken, as the master does now and then. */
  acknowledge(): void {
    this.channel.acknowledge(this.count('taken'));
  }

  /** Waits for an event of this kind; it and those before it are used up. */
  async event<Kind extends ConnectionEvent['kind']>(kind: Kind): Promise<ConnectionEvent & { kind: Kind }> {
    const find = (): (ConnectionEvent & { kind: Kind }) | undefined => {
      const at = this.#events.findIndex((event) => event.kind === kind);
      if (at < 0) return undefined;
      return this.#events.splice(0, at + 1).at(-1) as ConnectionEvent & { kind: Kind };
    };
    return eventually(find, () => `${kind} among ${this.#events.map((event) => event.kind).join()}`);
  }

  /** How often something has happened and was not waited for. */
  seen(kind: ConnectionEvent['kind']): number {
    return this.#events.filter((event) => event.kind === kind).length;
  }

  forgetEvents(): void {
    this.#events = [];
  }

  async state(): Promise<WorkerState> {
    this.#tell({ ask: 'state' });
    return eventually(
      () => this.#states.shift(),
      () => 'the state of the worker',
    );
  }

  /** Open descriptors whose target is this path, or of this kind. */
  async descriptors(target: string): Promise<number> {
    return (await this.state()).descriptors[target] ?? 0;
  }

  resume(): void {
    this.#tell({ ask: 'resume' });
  }

  /** Stops the process as it is: it takes nothing, and does not know. */
  stop(): void {
    process.kill(this.pid, 'SIGSTOP');
  }

  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await within(exited, () => 'the end of a worker');
  }

  /** What it was handed and had not taken. It must be dead. */
  reclaim(): Waiting[] {
    return this.channel.reclaim(this.count('taken'));
  }

  #tell(message: ToWorker): void {
    this.#child.send(message);
  }
}

export class TransportBench {
  readonly master: MasterTransport;
  readonly trouble: string[] = [];
  /** Connections in the master's hands, in the order they came. */
  readonly waiting: Waiting[] = [];
  readonly #board: Scoreboard;
  readonly #workers: BenchWorker[] = [];
  readonly #clients: LineClient[] = [];

  constructor(master: MasterTransport) {
    this.master = master;
    this.#board = Scoreboard.create(master.name === 'native' ? 'map' : 'file');
    master.onConnection((connection) => this.waiting.push(connection));
    master.onTrouble((text) => this.trouble.push(text));
  }

  listen(): Promise<ListenAddress> {
    return this.master.listen({ host: '127.0.0.1', port: 0 }, BACKLOG);
  }

  /** @param descriptors how many the worker may have open */
  async startWorker(descriptors = 1024): Promise<BenchWorker> {
    const slot = this.#board.allocate();
    // Both limits: node raises the soft one to the hard one.
    const command = `ulimit -n ${descriptors} && exec "$@"`;
    const args = ['-c', command, 'sh', process.execPath, CHILD, this.master.name, String(slot)];
    let child!: ChildProcess;
    const start = (inherited: readonly number[]): ChildProcess => {
      child = spawn('sh', args, {
        stdio: ['ignore', 'inherit', 'inherit', 'ipc', this.#board.fd, ...inherited],
      });
      return child;
    };
    const channel = this.master.channelTo(start, {
      onUntaken: (connection) => this.waiting.push(connection),
      onRoom: () => undefined,
    });
    const worker = new BenchWorker(child, this.#board, slot, channel);
    this.#workers.push(worker);
    await within(once(child, 'message'), () => 'a worker that is ready');
    return worker;
  }

  /** @param where a port, or the path of a Unix-domain socket */
  async connect(where: number | string, host?: string): Promise<LineClient> {
    const client = await LineClient.open(where, host);
    this.#clients.push(client);
    return client;
  }

  /** The next connection that came to the master. */
  async arrival(): Promise<Waiting> {
    return eventually(
      () => this.waiting.shift(),
      () => 'a connection',
    );
  }

  /** Connects a client, hands the connection to a worker, and lets go of it. */
  async serve(where: number | string, worker: BenchWorker, host?: string): Promise<LineClient> {
    const client = await this.connect(where, host);
    await this.handOver(await this.arrival(), worker);
    await this.allTaken(worker);
    return client;
  }

  /** Hands a connection to a worker as soon as its channel has room. */
  async handOver(connection: Waiting, worker: BenchWorker): Promise<void> {
    await eventually(
      () => worker.channel.handOver(connection) || undefined,
      () => 'the channel takes a connection',
    );
  }

  async allTaken(worker: BenchWorker): Promise<void> {
    const look = (): true | undefined => {
      worker.acknowledge();
      return worker.channel.inFlight === 0 || undefined;
    };
    await eventually(look, () => `${worker.channel.inFlight} connections are taken`);
  }

  /** Lets go of all connections, so that the next test begins with none. */
  async reset(): Promise<void> {
    for (const client of this.#clients.splice(0)) client.break();
    for (const worker of this.#workers) {
      await eventually(
        () => worker.count('open') === 0 || undefined,
        () => `${worker.count('open')} are open`,
      );
      await worker.state();
      worker.forgetEvents();
    }
  }

  async close(): Promise<void> {
    this.master.unlisten();
    for (const client of this.#clients) client.destroy();
    for (const worker of this.#workers) {
      await worker.kill();
      for (const connection of worker.reclaim()) connection.release();
    }
    for (const connection of this.waiting) connection.release();
    this.master.close();
    this.#board.close();
  }
}
