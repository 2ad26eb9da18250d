/**
 * A strict reader of Prometheus's text exposition format 0.0.4, for tests. It refuses what Prometheus
 * would refuse, and what `promtool check metrics` complains of.
 */

export interface Family {
  readonly type: string;
  readonly help: string;
  /** Series, as `name{labels}`, to value. */
  readonly samples: ReadonlyMap<string, number>;
}

const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\\\|\\"|\\n)*)"(?:,|$)/y;
const NUMBER = /^(?:[+-]?(?:\d+(?:\.\d+)?(?:e[+-]?\d+)?|Inf)|NaN)$/;

/** Families by name. Throws on the first fault, naming the line. */
export function parseExposition(text: string): Map<string, Family> {
  if (!text.endsWith('\n')) throw new Error('the last line must end with a line feed');
  const families = new Map<string, { type: string; help: string; samples: Map<string, number> }>();
  const lines = text.slice(0, -1).split('\n');
  let current = '';
  for (const [index, line] of lines.entries()) {
    const fail = (reason: string): never => {
      throw new Error(`line ${index + 1}: ${reason}: ${line}`);
    };
    const [, keyword, name = '', rest = ''] = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line) ?? [];
    if (keyword === 'HELP') {
      if (families.has(name)) fail('a family must be in one piece');
      families.set(name, { type: '', help: rest, samples: new Map() });
      current = name;
    } else if (keyword === 'TYPE') {
      const family = families.get(name) ?? fail('TYPE without HELP');
      if (name !== current || family.type !== '' || family.samples.size > 0) fail('misplaced TYPE');
      if (!/^(counter|gauge|histogram)$/.test(rest)) fail('unknown type');
      if ((rest === 'counter') !== name.endsWith('_total')) fail('_total is for counters, and only for them');
      family.type = rest;
    } else {
      const [, metric = '', labels = '', value = ''] = SAMPLE.exec(line) ?? fail('not a sample');
      const family = families.get(current) ?? fail('a sample without HELP');
      const suffix = metric.slice(current.length);
      const suffixes = family.type === 'histogram' ? ['_bucket', '_sum', '_count'] : [''];
      if (!metric.startsWith(current) || !suffixes.includes(suffix)) fail('sample of another family');
      if (!NUMBER.test(value)) fail('not a number');
      if (family.type !== 'gauge' && !(Number(value) >= 0)) fail('a counter below zero');
      checkLabels(labels, fail);
      const series = labels === '' ? metric : `${metric}{${labels}}`;
      if (family.samples.has(series)) fail('the same series twice');
      family.samples.set(series, Number(value));
    }
  }
  for (const [name, family] of families) if (family.type === 'histogram') checkHistogram(name, family);
  return families;
}

function checkLabels(labels: string, fail: (reason: string) => never): void {
  const names = new Set<string>();
  LABEL.lastIndex = 0;
  while (LABEL.lastIndex < labels.length) {
    const label = LABEL.exec(labels) ?? fail('malformed labels');
    if (names.has(label[1]!)) fail('the same label twice');
    names.add(label[1]!);
  }
  if (labels.endsWith(',')) fail('trailing comma');
}

function checkHistogram(name: string, { samples }: Family): void {
  let edge = Number.NEGATIVE_INFINITY;
  let count = 0;
  for (const [series, value] of samples) {
    const le = /_bucket\{le="([^"]+)"\}$/.exec(series)?.[1];
    if (le === undefined) continue;
    const next = le === '+Inf' ? Number.POSITIVE_INFINITY : Number(le);
    if (!(next > edge)) throw new Error(`${name}: le must rise`);
    if (value < count) throw new Error(`${name}: buckets must be cumulative`);
    edge = next;
    count = value;
  }
  if (edge !== Number.POSITIVE_INFINITY) throw new Error(`${name}: no bucket for +Inf`);
  if (samples.get(`${name}_count`) !== count) throw new Error(`${name}: _count must be the last bucket`);
  if (!samples.has(`${name}_sum`)) throw new Error(`${name}: no _sum`);
}
