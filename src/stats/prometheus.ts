/**
 * The statistics in Prometheus's text exposition format, version 0.0.4
 * (https://prometheus.io/docs/instrumenting/exposition_formats/). Pure. Every metric is one entry of a
 * list, so that its name, type and help stand beside where its value comes from.
 *
 *     # HELP handover_requests_total Responses decided, by status class.
 *     # TYPE handover_requests_total counter
 *     handover_requests_total{status="2xx"} 1027
 */
import { upperEdgeUs } from './histogram.js';
import { FIELD, type JobsStats, type StatsDocument, type WorkerStats } from './schema.js';
import { histogramOf } from './totals.js';

/**
 * Upper bounds of the response time buckets, in microseconds: near 1, 2.5 and 5 of each decade, and
 * each exactly an edge of the histogram we count in (8 to 15 times a power of two), so that nothing
 * is estimated.
 */
export const LE_EDGES_US: readonly number[] = [
  64, 128, 256, 512, 1024, 2560, 5120, 10_240, 24_576, 49_152, 98_304, 262_144, 524_288, 1_048_576, 2_621_440,
  5_242_880, 10_485_760,
];

type Labels = Readonly<Record<string, string | number>>;

interface Metric {
  readonly name: string;
  readonly type: 'counter' | 'gauge';
  readonly help: string;
  readonly samples: readonly (readonly [labels: Labels, value: number])[];
}

/** The whole text. `totals` are those the document was built from; the histogram is taken from them. */
export function formatMetrics(document: StatsDocument, totals: Float64Array): string {
  const metrics = [
    ...serverMetrics(document, totals),
    ...partMetrics(document, totals),
    ...workerMetrics(document),
    ...(document.jobs === undefined ? [] : jobMetrics(document.jobs)),
  ];
  return metrics.map(formatMetric).join('') + formatLatency(totals);
}

function serverMetrics(document: StatsDocument, totals: Float64Array): Metric[] {
  const { server, transport, connections, requests, bytes, status } = document;
  return [
    gauge('build_info', 'Always 1; the labels say what is running.', [[{ server, transport }, 1]]),
    {
      // The name that every client library uses, and dashboards expect.
      name: 'process_start_time_seconds',
      type: 'gauge',
      help: 'Start time of the master since the Unix epoch in seconds.',
      samples: [[{}, Date.parse(document.startedAt) / 1000]],
    },
    counter('reloads_total', 'Configurations that were loaded after the first.', document.reloads),
    counter('reloads_failed_total', 'Reloads that were refused or failed.', document.reloadsFailed),
    gauge('draining', '1 while the server finishes its last responses, else 0.', Number(document.draining)),
    gauge('connections_active', 'Client connections that workers hold.', connections.active),
    gauge('connections_waiting', "Client connections in the master's wait queue.", connections.waiting),
    gauge('connections_max', 'Client connections that are allowed at once.', connections.max),
    counter('connections_accepted_total', 'Client connections accepted.', connections.accepted),
    counter('connections_refused_total', 'Client connections refused with 503.', connections.refused),
    counter('handed_back_total', 'Connections that workers gave back.', totals[FIELD.handedBack]!),
    counter('requests_total', 'Responses decided, by status class.', [
      [{ status: '2xx' }, status['2xx']],
      [{ status: '3xx' }, status['3xx']],
      [{ status: '4xx' }, status['4xx']],
      [{ status: '5xx' }, status['5xx']],
    ]),
    counter('responses_total', 'Responses with one of the commonest status codes.', [
      [{ code: '200' }, status['200']],
      [{ code: '206' }, status['206']],
      [{ code: '304' }, status['304']],
      [{ code: '404' }, status['404']],
    ]),
    counter('monitoring_requests_total', 'Requests for statistics and health check.', requests.monitoring),
    counter('timeouts_total', 'Connections closed by a timeout during a request.', requests.timeouts),
    counter('aborts_total', 'Connections that clients left during a response.', requests.aborts),
    counter('sent_bytes_total', 'Bytes sent to clients, heads and bodies.', bytes.sent),
    counter('received_bytes_total', 'Bytes read from clients.', bytes.received),
  ];
}

function partMetrics(
  { cache, upstream, sharedCache, pool, log, master }: StatsDocument,
  totals: Float64Array,
): Metric[] {
  return [
    counter('cache_requests_total', 'Requests by what the cache did.', [
      [{ state: 'hit' }, cache.hit],
      [{ state: 'miss' }, cache.miss],
      [{ state: 'expired' }, cache.expired],
      [{ state: 'revalidated' }, cache.revalidated],
      [{ state: 'bypass' }, cache.bypass],
      [{ state: 'stale' }, cache.stale],
      [{ state: 'updating' }, cache.updating],
    ]),
    counter('cache_evictions_total', 'Cache entries removed to make room.', cache.evictions),
    gauge('cache_entries', 'Cache entries of all workers.', cache.entries),
    gauge('cache_bytes', 'Bytes in the caches of all workers.', cache.bytes),
    gauge('cache_max_bytes', 'Bytes that the caches may hold.', cache.maxBytes),
    counter('upstream_requests_total', 'Requests sent to upstreams, by their outcome.', [
      [{ outcome: 'response' }, upstream.responses],
      [{ outcome: 'failure' }, upstream.failures],
    ]),
    gauge('upstream_active', 'Requests to upstreams whose response has not begun.', upstream.active),
    counter(
      'upstream_seconds_total',
      'Time until responses of upstreams began.',
      totals[FIELD.upstreamSumUs]! / 1e6,
    ),
    counter('shared_cache_lookups_total', 'Questions to the cache that all workers share.', [
      [{ result: 'hit' }, sharedCache.hits],
      [{ result: 'miss' }, sharedCache.misses],
    ]),
    counter('shared_cache_fills_total', 'Objects put into it.', sharedCache.fills),
    counter('shared_cache_waits_total', 'Requests that waited for another worker.', sharedCache.waits),
    counter('shared_cache_failures_total', 'What the cache process did not do.', sharedCache.failures),
    gauge('shared_cache_entries', 'Objects in it.', sharedCache.entries),
    gauge('shared_cache_bytes', 'Bytes in it.', sharedCache.bytes),
    gauge('shared_cache_max_bytes', 'Bytes that it may hold.', sharedCache.maxBytes),
    gauge('shared_cache_evictions', 'Objects that made room, since it was started.', sharedCache.evictions),
    gauge('pool_threads_per_worker', 'Threads in the pool of each worker.', pool.threadsPerWorker),
    counter('pool_tasks_total', 'Tasks given to the thread pools.', pool.tasks),
    gauge('pool_queued', 'Tasks that wait for a thread.', pool.queued),
    gauge('pool_busy', 'Tasks that run.', pool.busy),
    counter('pool_busy_seconds_total', 'Time for which tasks ran.', pool.busyMs / 1000),
    counter('log_dropped_total', 'Access log lines lost.', log.dropped),
    gauge('master_resident_memory_bytes', 'Resident memory of the master.', master.rssBytes),
  ];
}

function workerMetrics({ workers }: StatsDocument): Metric[] {
  // The process id must be a label: during a reload two processes fill the same place.
  const each = (value: (worker: WorkerStats) => number): Metric['samples'] =>
    workers.map((worker) => [{ worker: worker.id, pid: worker.pid }, value(worker)]);
  return [
    gauge(
      'worker_info',
      'Always 1; the labels say how the worker is.',
      workers.map(({ id, pid, state }) => [{ worker: id, pid, state }, 1]),
    ),
    gauge(
      'worker_uptime_seconds',
      'How long the process has run.',
      each((w) => w.uptimeSeconds),
    ),
    counter(
      'worker_restarts_total',
      'Processes that filled this place before.',
      each((w) => w.restarts),
    ),
    gauge(
      'worker_connections',
      'Client connections that it holds.',
      each((w) => w.connections),
    ),
    counter(
      'worker_taken_total',
      'Client connections that it was handed.',
      each((w) => w.taken),
    ),
    counter(
      'worker_requests_total',
      'Responses that it decided.',
      each((w) => w.requests),
    ),
    counter(
      'worker_sent_bytes_total',
      'Bytes that it sent to clients.',
      each((w) => w.bytesSent),
    ),
    counter(
      'worker_errors_total',
      'Responses 5xx that it decided.',
      each((w) => w.status5xx),
    ),
    gauge(
      'worker_resident_memory_bytes',
      'Its resident memory.',
      each((w) => w.rssBytes),
    ),
    gauge(
      'worker_heap_bytes',
      'JavaScript heap in use.',
      each((w) => w.heapBytes),
    ),
    gauge(
      'worker_loop_delay_seconds',
      'Mean event-loop delay.',
      each((w) => w.loopDelayMs / 1000),
    ),
    gauge(
      'worker_loop_delay_max_seconds',
      'Longest event-loop delay.',
      each((w) => w.loopDelayMaxMs / 1000),
    ),
  ];
}

function jobMetrics(jobs: JobsStats): Metric[] {
  return [
    gauge('jobs', 'Jobs by their state.', [
      [{ state: 'open' }, jobs.open],
      [{ state: 'sealed' }, jobs.sealed],
      [{ state: 'done' }, jobs.done],
      [{ state: 'failed' }, jobs.failed],
    ]),
    counter('jobs_parts_total', 'Parts of jobs that became durable.', jobs.parts),
    counter('jobs_bytes_total', 'Bytes of these parts.', jobs.bytes),
    gauge('jobs_held_bytes', 'Bytes of the parts of all jobs that are there.', jobs.heldBytes),
    gauge('jobs_receiving', 'Connections that send parts.', jobs.receiving),
  ];
}

function counter(name: string, help: string, value: number | Metric['samples']): Metric {
  return { name: `handover_${name}`, type: 'counter', help, samples: samplesOf(value) };
}

function gauge(name: string, help: string, value: number | Metric['samples']): Metric {
  return { name: `handover_${name}`, type: 'gauge', help, samples: samplesOf(value) };
}

function samplesOf(value: number | Metric['samples']): Metric['samples'] {
  return typeof value === 'number' ? [[{}, value]] : value;
}

function formatMetric({ name, type, help, samples }: Metric): string {
  const lines = samples.map(([labels, value]) => `${name}${formatLabels(labels)} ${value}\n`);
  return head(name, type, help) + lines.join('');
}

function head(name: string, type: string, help: string): string {
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`;
}

function formatLabels(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escapeLabel(String(value))}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

function escapeLabel(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}

function formatLatency(totals: Float64Array): string {
  const name = 'handover_response_seconds';
  const histogram = histogramOf(totals);
  let text = head(name, 'histogram', 'Response times, from the request to its response.');
  let bucket = 0;
  let count = 0;
  for (const edge of LE_EDGES_US) {
    while (upperEdgeUs(bucket) <= edge) count += histogram[bucket++]!;
    text += `${name}_bucket{le="${edge / 1e6}"} ${count}\n`;
  }
  while (bucket < histogram.length) count += histogram[bucket++]!;
  text += `${name}_bucket{le="+Inf"} ${count}\n`;
  return `${text}${name}_sum ${totals[FIELD.latencySumUs]! / 1e6}\n${name}_count ${count}\n`;
}
