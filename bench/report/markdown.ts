/** The benchmark's result as a Markdown page. Pure. */
import { type BenchResult, errorCount, type ServerFacts } from '../results.js';
import type { Scenario } from '../scenario.js';
import { type Cell, type CellNumbers, errorText, isSaturated, number, toCells } from './cells.js';
import { methodSection } from './method.js';
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

/** `chart` and `data`: file names beside the page. */
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
    ...methodSection(result, data),
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
function pace(numbers: CellNumbers): string {
  return `${number(numbers.requestsPerSecond)}${isSaturated(numbers) ? ' †' : ''}`;
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
