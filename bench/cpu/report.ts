/** The result of `npm run bench:cpu` as Markdown. Pure. */
import { number, SATURATED } from '../report/cells.js';
import { renderTable } from '../report/table.js';
import { median } from '../statistics.js';
import { boundText, type CpuCase, type Figure, type Goal } from './case.js';
import type { Comparison, JudgedGoal, Spread, Verdict } from './compare.js';
import type { CpuResult } from './result.js';

interface Column {
  readonly title: string;
  readonly text: (row: Comparison) => string;
}

interface Section {
  readonly kind: CpuCase['kind'];
  readonly title: string;
  readonly columns: readonly Column[];
}

/** Below this share of logged requests a server saves work that the others do. */
const LOGGED_ENOUGH = 0.98;
const MET: Readonly<Record<Verdict, string>> = { aim: 'aim', must: 'must', missed: '**no**', unknown: '?' };

/** The page: a table for each kind of case, and what is to know about the runs. */
export function renderCpuReport(result: CpuResult): string {
  const { cases, comparisons } = result;
  const kinds = new Map(cases.map(({ name, kind }) => [name, kind]));
  const parts = sections(result.reference).flatMap(({ kind, title, columns }) => {
    const rows = comparisons.filter((row) => kinds.get(row.case) === kind);
    return rows.length === 0 ? [] : [`## ${title}`, table(columns, rows)];
  });
  return `${['# CPU time and memory per request', head(result), ...parts, notes(result)].join('\n\n')}\n`;
}

function sections(reference: string): readonly Section[] {
  const ratio: Column = { title: `of ${reference}'s`, text: (row) => spread(row.ratio, 3) };
  const pace: Column = { title: 'Requests/s', text: requestsPerSecond };
  const goals: readonly Column[] = [
    { title: 'Must', text: ({ goals: all }) => all.map(mustText).join(', ') },
    { title: 'Aim', text: ({ goals: all }) => all.flatMap(({ goal }) => aimText(goal)).join(', ') },
    { title: 'Met', text: ({ met }) => (met === undefined ? '' : MET[met]) },
  ];
  const cpu = figure('CPU per request (µs)', 'cpuPerRequestUs', 2);
  return [
    { kind: 'requests', title: 'CPU time per request', columns: [cpu, ratio, pace, ...goals] },
    {
      kind: 'transfer',
      title: 'Large files',
      columns: [
        { title: 'MB/s', text: megabytesPerSecond },
        ratio,
        figure('CPU per MB (µs)', 'cpuPerMegabyteUs', 0),
        figure('Memory growth (MB)', 'memoryGrowthMb', 1),
        ...goals,
      ],
    },
    { kind: 'crowd', title: 'More connections', columns: [cpu, ratio, pace, ...goals] },
    {
      kind: 'idle',
      title: 'Memory of an idle connection',
      columns: [figure('Bytes', 'bytesPerConnection', 0), ratio, ...goals],
    },
  ];
}

function table(columns: readonly Column[], rows: readonly Comparison[]): string {
  return renderTable(
    ['Case', 'Server', ...columns.map(({ title }) => title), 'Runs'],
    rows.map((row) => [row.case, row.server, ...columns.map(({ text }) => text(row)), runs(row)]),
    2,
  );
}

function figure(title: string, name: Figure, digits: number): Column {
  return { title, text: ({ figures }) => spread(figures[name], digits) };
}

/** `median (min-max)` */
function spread(values: Spread | undefined, digits: number): string {
  if (values === undefined) return '';
  const { median: middle, min, max } = values;
  return `${number(middle, digits)} (${number(min, digits)}-${number(max, digits)})`;
}

function runs({ runs: all, goodRuns }: Comparison): string {
  return goodRuns === all ? String(all) : `**${goodRuns} of ${all}**`;
}

/** Marked when it says more about the load tool than about the server. */
function marked(text: string, { clientCpuShare = 0 }: Comparison): string {
  return clientCpuShare > SATURATED ? `${text} †` : text;
}

function requestsPerSecond(row: Comparison): string {
  return row.requestsPerSecond === undefined ? '' : marked(number(row.requestsPerSecond.median), row);
}

function megabytesPerSecond(row: Comparison): string {
  return marked(spread(row.figures.megabytesPerSecond, 0), row);
}

/** The bound, and what is not in a column of its own: a ratio to another than the reference. */
function mustText({ goal, value }: JudgedGoal): string {
  const bound = boundText(goal, goal.must);
  if (goal.of === undefined || ('server' in goal.of && goal.of.server === 'nginx')) return bound;
  return `${bound}: ${value === undefined ? 'not run' : number(value.median, 3)}`;
}

function aimText(goal: Goal): string | readonly string[] {
  return goal.aim === undefined ? [] : boundText(goal, goal.aim);
}

function head(result: CpuResult): string {
  const { machine, versions, startedAt, rounds, amount, workers, accessLog, command } = result;
  return (
    `${machine.cpu}, ${machine.cores} cores, ${number(machine.memoryBytes / 2 ** 30)} GB, ${machine.kernel}, ` +
    `node ${versions.node}; commit ${versions.commit}, ${startedAt.slice(0, 10)}. ` +
    `${rounds} ${rounds === 1 ? 'round' : 'rounds'}, ${amount.seconds} s with wrk, ${number(amount.requests)} requests with ab; ` +
    `${workers} workers each, ${accessLog ? 'with an access log' : 'no access log'}.\n\n\`${command}\``
  );
}

function notes(result: CpuResult): string {
  const { comparisons, samples, leftOut, logged, servers } = result;
  const saturated = comparisons.some(({ clientCpuShare = 0 }) => clientCpuShare > SATURATED);
  const inTicks = samples.filter(({ cost }) => (cost?.serverProcessesInTicks ?? 0) > 0).length;
  const lines = [
    ...leftOut.map(({ name, reason }) => `**${name} was not measured:** ${reason}`),
    ...samples
      .filter(({ problems }) => problems.length > 0)
      .map(
        ({ server, case: name, round, problems }) =>
          `**Not counted:** ${server}, ${name}, round ${round}: ${problems.join('; ')}`,
      ),
    'Medians (min-max) of all rounds; ratios are within each round. CPU time is that of all processes and threads ' +
      'of a server, in user and kernel, over the requests that the load tool counted as answered.',
    ...(inTicks === 0
      ? []
      : [`In ${inTicks} runs a thread ended: the CPU time of its process is known to 10 ms only.`]),
    ...(saturated
      ? [
          `† The load tool used more than ${SATURATED * 100} % of its cores: it, not the server, set the pace.`,
        ]
      : []),
    ...Object.entries(logged).map(
      ([server, share]) =>
        `${share < LOGGED_ENOUGH ? '**' : ''}${server} logged ${number(share * 100, 1)} % of the requests it answered.${share < LOGGED_ENOUGH ? '**' : ''}`,
    ),
    noise(result),
    ...servers.map(({ name, version, about }) => `${name} ${version}: ${about}`),
  ];
  return lines.map((line) => `- ${line}`).join('\n');
}

function noise({ samples }: CpuResult): string {
  const shares = samples.flatMap(({ cost }) => cost?.otherCpuShare ?? []);
  if (shares.length === 0) return 'How busy the machine was with other things is not known.';
  const percent = (share: number): string => `${number(share * 100, 1)} %`;
  return (
    `Other programs used ${percent(median(shares))} of the machine in the median run, ` +
    `${percent(Math.max(...shares))} in the busiest.`
  );
}
