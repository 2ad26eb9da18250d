/**
 * A process that makes native calls where a test needs another one: with its own limits, its own signals, or
 * for the other side of shared memory. Run as a program it does what its first argument says, with the numbers
 * that follow.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fstatSync, openSync, writeSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { EAGAIN } from '../../src/posix/constants.js';
import { MAX_DESCRIPTORS, MessageBuffer, socketPair } from '../../src/posix/fd-passing.js';
import { loadKoffi } from '../../src/posix/koffi.js';
import { watchReadable } from '../../src/posix/poll.js';
import { scheduleInBatches } from '../../src/posix/scheduling.js';
import { mapFile } from '../../src/posix/shared-memory.js';
import { close, send } from '../../src/posix/sockets.js';
import { WorkerClaims } from '../../src/transport/native/claims.js';
import { NativeMasterTransport } from '../../src/transport/native/master-side.js';
import { streamPair } from './sockets.js';

const FILE = fileURLToPath(import.meta.url);
const SIGPIPE = 13;
/** How long one may take. */
const LONGEST_MS = 15_000;
/** Where descriptors that a child is given begin. */
export const GIVEN_FD = 3;

export interface ChildEnd {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs one to its end. `shell`: what a shell does before it becomes the process. */
export async function endOf(
  verb: string,
  numbers: readonly number[] = [],
  given: readonly number[] = [],
  shell = 'true',
): Promise<ChildEnd> {
  const command = [process.execPath, FILE, verb, ...numbers.map(String)];
  const child = spawn('sh', ['-c', `${shell} && exec "$@"`, 'sh', ...command], {
    stdio: ['ignore', 'pipe', 'pipe', ...given],
  });
  const [out, err, [code]] = await Promise.all([
    text(child.stdout!),
    text(child.stderr!),
    once(child, 'close') as Promise<[number | null]>,
  ]);
  return { code, out, err };
}

/** What one says that ends as it should. */
export async function runNative(...args: Parameters<typeof endOf>): Promise<string> {
  const { code, out, err } = await endOf(...args);
  if (code !== 0) throw new Error(`ended with ${code}: ${out}${err}`);
  return out;
}

function say(what: string): void {
  writeSync(1, what);
}

function describe(fd: number): string {
  try {
    fstatSync(fd);
    return 'open';
  } catch {
    return 'closed';
  }
}

/** The policy of this process: sched(7). */
function policy(): number {
  return loadKoffi().load(null).func('int sched_getscheduler(int)')(0) as number;
}

/** What is left to receive on a channel: for each message, descriptors that came, and whether there were more. */
function drain(channel: number): string[] {
  const message = new MessageBuffer(4096);
  const seen: string[] = [];
  for (;;) {
    const length = message.receive(channel);
    if (length === -EAGAIN) return seen;
    if (length <= 0) return [...seen, `end ${length}`];
    const fds = message.descriptors.subarray(0, message.count);
    const distinct = new Set(fds).size === message.count && fds.every((fd) => describe(fd) === 'open');
    seen.push(`${message.count}${message.truncated ? ' truncated' : ''}${distinct ? '' : ' wrong'}`);
  }
}

const VERBS: Readonly<Record<string, (...numbers: number[]) => void>> = {
  /** Sends to nobody, in both ways, where the signal would end this process. */
  sigpipe: () => {
    loadKoffi().load(null).func('void *signal(int, void *)')(SIGPIPE, null);
    const [stream, its] = streamPair();
    const [channel, other] = socketPair(65_536);
    for (const fd of [its, other]) close(fd);
    const message = new MessageBuffer(16);
    say(`${send(stream, Buffer.from('x'), 1, false)} ${message.send(channel, 1, 0)}`);
  },

  /** An exception leaves the callback of a watch. */
  'poll-throws': () => {
    watchReadable(GIVEN_FD, () => {
      throw new Error('from the callback');
    });
  },

  'poll-throws-caught': () => {
    let watch: ReturnType<typeof watchReadable> | undefined;
    process.on('uncaughtException', (error) => {
      watch?.close();
      say(`caught ${error.message}`);
    });
    watch = watchReadable(GIVEN_FD, () => {
      throw new Error('from the callback');
    });
  },

  /** Makes channels while there are too few descriptors for all that one needs; says how many are left each time. */
  'channels-without-descriptors': () => {
    const master = new NativeMasterTransport(false);
    const fds: number[] = [];
    const fill = (): void => {
      try {
        for (;;) fds.push(openSync('/dev/null', 'r'));
      } catch {
        // No more.
      }
    };
    const none = (): never => {
      throw new Error('started');
    };
    const left = [2, 3, 4, 5].map((spare) => {
      fill();
      for (const fd of fds.splice(-spare)) close(fd);
      let failure = '';
      try {
        master.channelTo(none, { onUntaken: () => undefined, onRoom: () => undefined });
      } catch (error) {
        failure = (error as Error).message;
      }
      const before = fds.length;
      fill();
      return `${spare} ${failure}: ${fds.length - before}`;
    });
    say(left.join(', '));
    master.close();
  },

  /** Nothing refers to the watch when memory is collected. */
  'poll-collected': () => {
    const [fd, other] = streamPair();
    watchReadable(fd, () => {
      say('called');
      process.exit();
    });
    const { gc } = globalThis as { gc?: () => void };
    setTimeout(gc!, 10);
    setTimeout(() => send(other, Buffer.from('x'), 1, false), 20);
  },

  drain: () => say(drain(GIVEN_FD).join(', ')),

  /** Sends a message with as many descriptors as may be, and ends without reading what it was sent. */
  'send-and-die': () => {
    const message = new MessageBuffer(16);
    message.descriptors.fill(0);
    message.bytes.write('last');
    say(String(message.send(GIVEN_FD, 4, MAX_DESCRIPTORS)));
  },

  /** Adds to the words of shared memory, each so often. */
  count: (words = 0, times = 0) => {
    const shared = new Int32Array(mapFile(GIVEN_FD, 4 * words).buffer);
    for (let i = 0; i < times; i++) for (let word = 0; word < words; word++) Atomics.add(shared, word, 1);
    say('done');
  },

  /** Claims all numbers, round by round. The second memory: the master's round, ours, and what we claimed. */
  claim: (rounds = 0, size = 0) => {
    const claims = new WorkerClaims(GIVEN_FD);
    const steps = new Int32Array(mapFile(GIVEN_FD + 1, 4 * (size + 2)).buffer);
    for (let round = 1; round <= rounds; round++) {
      // Without a pause, for a race; but not for ever. All rounds together may take long on a busy machine.
      const sinceMs = performance.now();
      while (Atomics.load(steps, 0) < round) if (performance.now() - sinceMs > LONGEST_MS) process.exit(1);
      for (let id = 0; id < size; id++) steps[2 + id] = claims.claim(id) ? 1 : 0;
      Atomics.store(steps, 1, round);
    }
  },

  policy: () => {
    const before = policy();
    say(`${before} ${scheduleInBatches()} ${policy()}`);
  },
};

if (process.argv[1] === FILE) {
  const [verb = '', ...numbers] = process.argv.slice(2);
  VERBS[verb]!(...numbers.map(Number));
}
