/**
 * Entry of a worker process: waits for `start`, then wires the channel to the worker. Signals that a
 * terminal sends to the whole group are the master's to act on.
 */
import { setFlagsFromString } from 'node:v8';
import { messageOf } from '../errors.js';
import {
  asMasterMessage,
  BOOT_FAILED,
  CHANNEL_FD,
  SCOREBOARD_FD,
  type StartMessage,
  VERSION,
  type WorkerMessage,
} from '../master/protocol.js';
import { SlotWriter } from '../stats/scoreboard.js';
import type { DrainMode } from '../transport/connection.js';
import { NativeWorkerTransport } from '../transport/native/worker-side.js';
import { PortableWorkerTransport } from '../transport/portable/worker-side.js';
import { ReportLimit } from './report-limit.js';
import { transportCounters, Worker } from './worker.js';

/** How often to look whether the master is still there. */
const LOOK_MS = 500;

// What a request leaves behind is little and dies young: other threads that help to collect it cost more than
// they take over (a tenth of the processor time of a request with a connection of its own).
setFlagsFromString('--no-parallel-scavenge');

const reports = new ReportLimit(report, () => performance.now());
let worker: Worker | undefined;
let slot: SlotWriter | undefined;

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'] as const) {
  process.on(signal, () => undefined);
}

process.on('message', (raw) => {
  const message = asMasterMessage(raw);
  switch (message?.kind) {
    case 'start':
      boot(message);
      break;
    case 'reopen-logs':
      worker?.reopenLogs();
      break;
    case 'shed':
      worker?.shed(message.count, message.active);
      break;
    case 'drain':
      void drain(message.mode, message.timeoutMs);
      break;
  }
});

// Without a master nobody would ever stop us. Node does not tell of the end of the channel while a handle
// that was sent is not answered, so we also look.
process.on('disconnect', () => process.exit(0));
setInterval(() => {
  if (!process.connected) process.exit(0);
  reports.settle();
}, LOOK_MS);

send({ v: VERSION, kind: 'listening' });

function boot(message: StartMessage): void {
  try {
    const { settings, statsFile, tls } = message;
    const isNative = message.transport === 'native';
    slot = new SlotWriter(SCOREBOARD_FD, message.slot, isNative ? 'map' : 'file');
    const counters = transportCounters(slot);
    const transport = isNative
      ? new NativeWorkerTransport(CHANNEL_FD, counters)
      : new PortableWorkerTransport(process, counters);
    worker = new Worker({
      settings,
      statsFile,
      tls,
      slot,
      transport,
      report: (text) => reports.report(text),
    });
    worker.start();
    send({ v: VERSION, kind: 'ready' });
  } catch (error) {
    send({ v: VERSION, kind: 'failed', reason: messageOf(error) }, () => process.exit(BOOT_FAILED));
  }
}

async function drain(mode: DrainMode, timeoutMs: number): Promise<void> {
  await worker?.drain(mode, timeoutMs);
  await worker?.close();
  slot?.commit();
  process.exit(0);
}

function report(text: string): void {
  send({ v: VERSION, kind: 'report', text });
}

function send(message: WorkerMessage, sent: () => void = () => undefined): void {
  if (process.connected) process.send!(message, undefined, {}, sent);
  else sent();
}
