/**
 * Entry of a worker process: waits for `start`, then wires the channel to the worker. Signals that a
 * terminal sends to the whole group are the master's to act on.
 */
import { setFlagsFromString } from 'node:v8';
import type { Settings } from '../config/settings.js';
import { messageOf } from '../errors.js';
import type { WorkerJobs } from '../jobs/worker-jobs.js';
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
import { countPart, transportCounters } from './counters.js';
import { MasterJobsLink } from './jobs-link.js';
import { Others } from './others.js';
import { ReportLimit } from './report-limit.js';
import { withheldFiles } from './withheld.js';
import { Worker } from './worker.js';
import type { WorkerWriting } from './writing.js';

/** How often to look whether the master is still there. */
const LOOK_MS = 500;

// What a request leaves behind is little and dies young: other threads that help to collect it cost more than
// they take over (a tenth of the processor time of a request with a connection of its own).
setFlagsFromString('--no-parallel-scavenge');

const reports = new ReportLimit(report, () => performance.now());
const others = new Others((id, keys) => send({ v: VERSION, kind: 'forget', id, keys }));
let worker: Worker | undefined;
let slot: SlotWriter | undefined;
let jobsLink: MasterJobsLink | undefined;
let writing: WorkerWriting | undefined;

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'] as const) {
  process.on(signal, () => undefined);
}

process.on('message', (raw) => {
  const message = asMasterMessage(raw);
  switch (message?.kind) {
    case 'start':
      void boot(message);
      break;
    case 'reopen-logs':
      worker?.reopenLogs();
      break;
    case 'shed':
      worker?.shed(message.count, message.active);
      break;
    case 'forget':
      send({
        v: VERSION,
        kind: 'forgotten',
        id: message.id,
        wasStored: worker?.forget(message.keys) === true,
      });
      break;
    case 'forgotten':
      others.onForgotten(message.id, message.wasStored);
      break;
    case 'jobs':
      jobsLink?.receive(message.about);
      break;
    case 'tokens':
      writing?.tokens.receive(message.about);
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

async function boot(message: StartMessage): Promise<void> {
  try {
    const { settings, place, statsFile, tls, cacheSocket } = message;
    // Loaded only where it is used: it brings a client of HTTP with it.
    const proxy = settings.proxy.length === 0 ? undefined : await import('../proxy/reverse-proxy.js');
    const isNative = message.transport === 'native';
    slot = new SlotWriter(SCOREBOARD_FD, message.slot, isNative ? 'map' : 'file');
    const counters = transportCounters(slot);
    const transport = isNative
      ? new NativeWorkerTransport(CHANNEL_FD, counters)
      : new PortableWorkerTransport(process, counters);
    writing = settings.writable.length === 0 ? undefined : await joinWriting(message);
    worker = new Worker({
      place,
      settings,
      statsFile,
      tls,
      slot,
      transport,
      cacheSocket,
      newProxy: proxy && ((options) => new proxy.ReverseProxy(options)),
      tellOthers: (keys) => others.forget(keys),
      jobs: settings.jobsDir === '' ? undefined : await joinJobs(settings, place, slot),
      writing,
      report: (text) => reports.report(text),
    });
    worker.start();
    send({ v: VERSION, kind: 'ready' });
  } catch (error) {
    send({ v: VERSION, kind: 'failed', reason: messageOf(error) }, () => process.exit(BOOT_FAILED));
  }
}

/** Takes part in jobs. Loaded only where there are any. */
async function joinJobs(settings: Settings, place: number, counters: SlotWriter): Promise<WorkerJobs> {
  const { WorkerJobs } = await import('../jobs/worker-jobs.js');
  const report = (text: string): void => reports.report(text);
  jobsLink = new MasterJobsLink({
    place,
    send: (about) => {
      send({ v: VERSION, kind: 'jobs', about });
      return process.connected;
    },
    report,
  });
  const onPart = (bytes: number): void => countPart(counters, bytes);
  return WorkerJobs.open({ settings, link: jobsLink, onPart, report });
}

/** Takes part in writing. Loaded only where there is any. */
async function joinWriting({ settings, statsFile, tls }: StartMessage): Promise<WorkerWriting> {
  const { WorkerWriting } = await import('./writing.js');
  return new WorkerWriting({
    settings,
    withheld: withheldFiles(statsFile, tls !== undefined, settings),
    send: (about) => {
      send({ v: VERSION, kind: 'tokens', about });
      return process.connected;
    },
    report: (text) => reports.report(text),
  });
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
