/** The part of the page that says how the numbers came about, and what is wrong with them. Pure. */
import type { BenchResult, Measurement } from '../results.js';
import { median } from '../statistics.js';
import { isSaturated, number, SATURATED, toCells } from './cells.js';
import { renderTable } from './table.js';

const SATURATION =
  `- † The load generator used more than ${SATURATED * 100} % of its core: it, not the server, set the pace. ` +
  'CPU time per request still compares.';

/** Paragraphs and tables. `data`: name of the file with the single runs. */
export function methodSection(result: BenchResult, data: string): readonly string[] {
  const { workers, clients, rounds, accessLog, command, versions, servers, skipped, samples } = result;
  const requests = [...new Set(result.scenarios.map((scenario) => number(scenario.requests)))].join(' or ');
  return [
    `\`${command}\`; every single run is in [${data}](${data}).`,
    [
      `- Each run is ${requests} requests by autocannon ${versions.autocannon}, from ${plural(clients, 'process', 'processes')} ` +
        'apart from the server, after a warm-up that does not count. Nothing is compressed; every response is checked for its length.',
      `- ${plural(rounds, 'round', 'rounds')} of all servers in turn, for each number of connections. Every column is the median over the rounds; errors are added up.`,
      `- Every server has ${plural(workers, 'worker', 'workers')} ${accessLog ? 'and, if it can, writes an access log' : 'and writes no access log'}.`,
      '- Connection time is from sending the request, or with a connection per request from connecting, to the end of the response. ' +
        'Time per request is total time × concurrency / responses.',
      '- CPU time is that of all processes of the server, over the responses.',
      ...(toCells(samples).some(({ numbers }) => numbers !== undefined && isSaturated(numbers))
        ? [SATURATION]
        : []),
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
