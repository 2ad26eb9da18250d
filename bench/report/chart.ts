/** The chart: for each scenario, requests per second and CPU per request as bars, grouped by server. Pure. */
import type { BenchResult, ServerFacts } from '../results.js';
import type { Scenario } from '../scenario.js';
import { type Cell, type CellNumbers, number, toCells } from './cells.js';

const WIDTH = 960;
const MARGIN = 24;
const NAMES_WIDTH = 176;
const PANEL_WIDTH = 350;
const PANEL_GAP = 34;
/** Room for the number behind the longest bar. */
const LABEL_WIDTH = 56;
const BAR = 10;
const PITCH = 13;
const GROUP_GAP = 11;
const HEAD = 74;
const SCENARIO_HEAD = 52;

/** On a ground of its own: an image knows the reader's system, not the page it is on. */
const STYLE = `
  :root { --ground: #ffffff; --text: #1f2328; --soft: #59636e; --own: #0969da; --other: #6e7781; --line: #d1d9e0; }
  @media (prefers-color-scheme: dark) {
    :root { --ground: #0d1117; --text: #f0f6fc; --soft: #9198a1; --own: #4493f8; --other: #9198a1; --line: #3d444d; }
  }
  text { font: 12px system-ui, -apple-system, 'Segoe UI', sans-serif; fill: var(--text); }
  .title { font-size: 18px; font-weight: 600; }
  .scenario { font-size: 14px; font-weight: 600; }
  .soft { fill: var(--soft); }
  .value { font-size: 10px; font-variant-numeric: tabular-nums; }
  .own { fill: var(--own); }
  .other { fill: var(--other); }
  .name { font-weight: 600; }
`;

interface Panel {
  readonly title: string;
  readonly x: number;
  readonly digits: number;
  readonly value: (numbers: CellNumbers) => number | undefined;
}

const PANELS: readonly Panel[] = [
  {
    title: 'Requests per second (longer is better)',
    x: MARGIN + NAMES_WIDTH,
    digits: 0,
    value: (numbers) => numbers.requestsPerSecond,
  },
  {
    title: 'Server CPU per request, µs (shorter is better)',
    x: MARGIN + NAMES_WIDTH + PANEL_WIDTH + PANEL_GAP,
    digits: 1,
    value: (numbers) => numbers.cpuPerRequestUs,
  },
];

/** A whole SVG document. The first server is the one that stands out. */
export function renderChart(result: BenchResult): string {
  const { scenarios, servers, machine } = result;
  const cells = toCells(result.samples);
  let top = HEAD;
  const sections = scenarios.map((scenario) => {
    const section = renderScenario(scenario, servers, cells, top);
    top += scenarioHeight(scenario, servers);
    return section;
  });
  const title = 'Requests per second and CPU time per request';
  const subtitle = `${machine.cpu}, ${machine.cores} cores, ${result.workers} workers each, ${result.startedAt.slice(0, 10)}`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${top}" width="${WIDTH}" height="${top}" role="img" aria-labelledby="title desc">
<title id="title">${title}</title>
<desc id="desc">${escapeXml(description(servers, scenarios))}</desc>
<style>${STYLE}</style>
<rect width="${WIDTH}" height="${top}" rx="8" style="fill: var(--ground)"/>
<text class="title" x="${MARGIN}" y="36">${title}</text>
<text class="soft" x="${MARGIN}" y="56">${escapeXml(subtitle)}</text>
${sections.join('\n')}
</svg>
`;
}

function description(servers: readonly ServerFacts[], scenarios: readonly Scenario[]): string {
  const list = (items: readonly { readonly title: string }[]) => items.map(({ title }) => title).join(', ');
  return `Bars for ${list(servers)}; scenarios: ${list(scenarios)}. The page beside this image has all numbers.`;
}

function groupHeight(scenario: Scenario): number {
  return scenario.connections.length * PITCH + GROUP_GAP;
}

function scenarioHeight(scenario: Scenario, servers: readonly ServerFacts[]): number {
  return SCENARIO_HEAD + servers.length * groupHeight(scenario) + MARGIN;
}

function renderScenario(
  scenario: Scenario,
  servers: readonly ServerFacts[],
  cells: readonly Cell[],
  top: number,
): string {
  const own = cells.filter((cell) => cell.scenario === scenario.name);
  const y = top + SCENARIO_HEAD;
  const names = servers.map(({ title }, at) => {
    const middle = y + at * groupHeight(scenario) + (scenario.connections.length * PITCH) / 2 + 3;
    return `<text class="${at === 0 ? 'name' : ''}" x="${MARGIN}" y="${middle}">${escapeXml(title)}</text>`;
  });
  return [
    `<text class="scenario" x="${MARGIN}" y="${top + 16}">${escapeXml(scenario.title)}</text>`,
    legend(scenario, top + 16),
    ...names,
    ...PANELS.map((panel) => renderPanel(panel, scenario, servers, own, y)),
  ].join('\n');
}

/** The shades stand for the connections at once, in order. */
function legend(scenario: Scenario, y: number): string {
  const { x } = PANELS[1]!;
  const items = scenario.connections.map((connections, at) => {
    const left = x + at * 52;
    return (
      `<rect class="other" x="${left}" y="${y - 9}" width="10" height="10" rx="2" opacity="${shade(at, scenario)}"/>` +
      `<text class="soft" x="${left + 14}" y="${y}">${connections}</text>`
    );
  });
  const end = x + scenario.connections.length * 52;
  return `${items.join('')}<text class="soft" x="${end}" y="${y}">connections</text>`;
}

function shade(at: number, { connections }: Scenario): string {
  return (connections.length === 1 ? 1 : 0.4 + (0.6 * at) / (connections.length - 1)).toFixed(2);
}

function renderPanel(
  panel: Panel,
  scenario: Scenario,
  servers: readonly ServerFacts[],
  cells: readonly Cell[],
  top: number,
): string {
  const { x, value, digits, title } = panel;
  const values = cells.flatMap(({ numbers }) => (numbers === undefined ? [] : (value(numbers) ?? [])));
  const scale = (PANEL_WIDTH - LABEL_WIDTH) / Math.max(1e-9, ...values);
  const height = servers.length * groupHeight(scenario) - GROUP_GAP;
  const bars = servers.flatMap(({ name }, server) =>
    scenario.connections.map((connections, at) => {
      const y = top + server * groupHeight(scenario) + at * PITCH;
      const numbers = cells.find((cell) => cell.server === name && cell.connections === connections)?.numbers;
      const size = numbers === undefined ? undefined : value(numbers);
      if (size === undefined) {
        const text = numbers === undefined ? 'failed' : 'not known';
        return `<text class="value soft" x="${x + 4}" y="${y + 9}">${text}</text>`;
      }
      const width = Math.max(1, size * scale);
      const kind = server === 0 ? 'own' : 'other';
      return (
        `<rect class="${kind}" x="${x}" y="${y}" width="${width.toFixed(1)}" height="${BAR}" rx="1.5" opacity="${shade(at, scenario)}"/>` +
        `<text class="value" x="${(x + width + 5).toFixed(1)}" y="${y + 9}">${number(size, digits)}</text>`
      );
    }),
  );
  return [
    `<text class="soft" x="${x}" y="${top - 10}">${title}</text>`,
    `<path d="M${x - 0.5} ${top - 3}v${height + 6}" style="stroke: var(--line)"/>`,
    ...bars,
  ].join('\n');
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
