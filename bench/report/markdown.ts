/** The benchmark's result as a Markdown page. Pure. */
import { type BenchResult, errorCount, type Measurement, type ServerFacts } from '../results.js';
import type { Scenario } from '../scenario.js';
import { median } from '../statistics.js';
import { type Cell, type CellNumbers, errorText, number, toCells } from './cells.js';
import { renderTable } from './table.js';

/** ApacheBench's columns, as the first table of this project's kind had them, and three more. */
const COLUMNS = [
  'Concurrency',
  'Total time taken (s)',
  'Requests per second (mean)',
  'Time per request (ms) (mean)',
  'Min. connection time (ms)',
  'Mean con. time (+/- s.d.) (ms)',
  'Median connection time (ms)',
  'Max connection time (ms)',
  'p99 (ms)',
  'Errors',
  'Server CPU per request (µs)',
];

/** Above this share of a core the load generator may have been the slower one. */
export const SATURATED = 0.9;

/** `chart`: file name of the chart, beside the page. */
export function renderMarkdown(result: BenchResult, chart: string, data: string): string {
  const { scenarios, servers } = result;
  const cells = toCells(result.samples);
  const subject = servers[0];
  const parts = [
    '# Benchmark',
    summaryLine(result),
    `![Requests per second and CPU time per request, by server](${chart})`,
    ...scenarios.flatMap((scenario) => {
      const own = cells.filter((cell) => cell.scenario === scenario.name);
      return [`## ${scenario.title}`, ...subjectSection(subject, own), ...comparison(scenario, servers, own)];
    }),
    '## All numbers',
    ...scenarios.flatMap((scenario) => allNumbers(scenario, servers, cells)),
    '## How it was measured',
    ...method(result, data),
  ];
  return `${parts.join('\n\n')}\n`;
}

function summaryLine({ machine, startedAt, versions, whole, rounds }: BenchResult): string {
  const text =
    `${machine.cpu}, ${machine.cores} cores, ${number(machine.memoryBytes / 2 ** 30)} GB, ${machine.kernel}, ` +
    `node ${versions.node}; commit ${versions.commit}, ${startedAt.slice(0, 10)}, ` +
    (rounds === 1 ? 'one round.' : `medians of ${rounds} rounds.`);
  return whole ? text : `${text} **A shortened or filtered run: not a result to publish.**`;
}

function subjectSection(subject: ServerFacts | undefined, cells: readonly Cell[]): readonly string[] {
  if (subject === undefined) return [];
  const rows = cells.filter((cell) => cell.server === subject.name).map(row);
  return [`${subject.title} ${subject.version}:`, renderTable(COLUMNS, rows)];
}

function row({ connections, numbers, failures }: Cell): readonly string[] {
  if (numbers === undefined) return [String(connections), `failed: ${failures[0]}`];
  const { timesMs, elapsedMs, msPerRequest, errors, cpuPerRequestUs } = numbers;
  return [
    String(connections),
    number(elapsedMs / 1000, 3),
    pace(numbers),
    number(msPerRequest, 3),
    number(timesMs.min, 2),
    `${number(timesMs.mean, 2)} (+/- ${number(timesMs.sd, 2)})`,
    number(timesMs.median, 2),
    number(timesMs.max, 2),
    number(timesMs.p99, 2),
    errorText(errors),
    cpuPerRequestUs === undefined ? 'not known' : number(cpuPerRequestUs, 1),
  ];
}

/** Requests per second, marked when it says more about the load generator than about the server. */
function pace({ requestsPerSecond, clientCpuShare }: CellNumbers): string {
  return `${number(requestsPerSecond)}${clientCpuShare > SATURATED ? ' †' : ''}`;
}

function comparison(
  scenario: Scenario,
  servers: readonly ServerFacts[],
  cells: readonly Cell[],
): readonly string[] {
  if (servers.length < 2) return [];
  const header = (what: string): readonly string[] => [
    what,
    ...scenario.connections.map((connections) => `${connections} connections`),
  ];
  const rows = (text: (numbers: CellNumbers) => string): readonly string[][] =>
    servers.map(({ name, title }) => [
      title,
      ...scenario.connections.map((connections) => {
        const cell = cells.find((one) => one.server === name && one.connections === connections);
        return cell?.numbers === undefined ? 'failed' : text(cell.numbers);
      }),
    ]);
  const withErrors = (numbers: CellNumbers): string => {
    const count = errorCount(numbers.errors);
    return `${pace(numbers)}${count === 0 ? '' : ` (${number(count)} errors)`}`;
  };
  const cpu = ({ cpuPerRequestUs }: CellNumbers): string =>
    cpuPerRequestUs === undefined ? 'not known' : number(cpuPerRequestUs, 1);
  return [
    renderTable(header('Requests per second'), rows(withErrors)),
    renderTable(header('Server CPU per request (µs)'), rows(cpu)),
  ];
}

function allNumbers(
  scenario: Scenario,
  servers: readonly ServerFacts[],
  cells: readonly Cell[],
): readonly string[] {
  const rows = cells
    .filter((cell) => cell.scenario === scenario.name)
    .map((cell) => [servers.find(({ name }) => name === cell.server)?.title ?? cell.server, ...row(cell)]);
  return [`### ${scenario.title}`, renderTable(['Server', ...COLUMNS], rows)];
}

function method(result: BenchResult, data: string): readonly string[] {
  const { workers, clients, rounds, accessLog, command, versions, servers, skipped } = result;
  const requests = [...new Set(result.scenarios.map((scenario) => number(scenario.requests)))].join(' or ');
  return [
    `\`${command}\`; every single run is in [${data}](${data}).`,
    [
      `- Each run is ${requests} requests by autocannon ${versions.autocannon}, from ${plural(clients, 'process', 'processes')} ` +
        'apart from the server, after a warm-up that does not count. Nothing is compressed; every response is checked for its length.',
      `- ${plural(rounds, 'round', 'rounds')} of all servers in turn, for each number of connections. Every column is the median over the rounds; errors are added up.`,
      `- Every server has ${plural(workers, 'worker', 'workers')} and ${accessLog ? 'writes an access log' : 'no access log'}.`,
      '- Connection time is from sending the request, or with a connection per request from connecting, to the end of the response. ' +
        'Time per request is total time × concurrency / responses.',
      '- CPU time is that of all processes of the server, over the responses.',
      `- † The load generator used more than ${SATURATED * 100} % of its core: it, not the server, set the pace. CPU time per request still compares.`,
      `- ${noise(result)}`,
    ].join('\n'),
    renderTable(
      ['Server', 'Version', 'How it is run'],
      servers.map(({ title, version, about }) => [title, version, about]),
      3,
    ),
    ...notes(
      'Not measured',
      skipped.map(({ name, reason }) => `${name}: ${reason}`),
    ),
    ...notes('Failed', failureLines(result)),
    ...notes('Worth knowing', oddities(result)),
  ];
}

function measurements({ samples }: BenchResult): readonly Measurement[] {
  return samples.filter((sample): sample is Measurement => sample.ok);
}

function noise(result: BenchResult): string {
  const shares = measurements(result).flatMap(({ otherCpuShare }) => otherCpuShare ?? []);
  if (shares.length === 0) return 'How busy the machine was with other things is not known.';
  const percent = (share: number): string => `${number(share * 100, 1)} %`;
  return (
    `Other programs used ${percent(median(shares))} of the machine during the median run, ` +
    `${percent(Math.max(...shares))} during the busiest.`
  );
}

function failureLines({ samples }: BenchResult): readonly string[] {
  return samples.flatMap((sample) =>
    sample.ok
      ? []
      : [
          `${sample.server}, ${sample.scenario}, ${sample.connections} connections, round ${sample.round}: ${sample.reason}`,
        ],
  );
}

/** Runs whose numbers hide something. */
function oddities(result: BenchResult): readonly string[] {
  const keepAlive = new Map(result.scenarios.map((scenario) => [scenario.name, scenario.keepAlive]));
  return measurements(result).flatMap((run) => {
    const expected = keepAlive.get(run.scenario) === true ? run.connections : run.requests;
    const odd = [
      ...(run.connectionsOpened === expected
        ? []
        : [`${number(run.connectionsOpened)} connections were opened where ${number(expected)} were due`]),
      ...(run.serverProcessesEnded === 0 ? [] : [`${run.serverProcessesEnded} of its processes ended`]),
    ];
    const where = `${run.server}, ${run.scenario}, ${run.connections} connections, round ${run.round}`;
    return odd.map((text) => `${where}: ${text}`);
  });
}

function notes(title: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : [`${title}:`, lines.map((line) => `- ${line}`).join('\n')];
}

function plural(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`;
}
