import * as fs from 'node:fs';
import { expect } from 'chai';
import { buildDocument } from '../../../src/stats/document.js';
import { formatMetrics } from '../../../src/stats/prometheus.js';
import { parseExposition } from '../../helpers/exposition.js';
import { textFormatter } from '../../helpers/log-lines.js';
import { jobSample, statsSample } from '../../helpers/stats-sample.js';

const read = (name: string): string =>
  fs.readFileSync(new URL(`../../../../docs/${name}`, import.meta.url), 'utf8');

/** `a.b` for each value inside an object; arrays of objects are described once, as `a[].b`. */
function fieldsOf(value: unknown, prefix = ''): string[] {
  if (Array.isArray(value)) return [prefix, ...fieldsOf(value[0], `${prefix}[]`)];
  if (typeof value !== 'object' || value === null) return [prefix];
  return Object.entries(value).flatMap(([name, inner]) =>
    fieldsOf(inner, prefix === '' ? name : `${prefix}.${name}`),
  );
}

/** What stands in backquotes in the first cell of the rows of all tables. */
function documented(markdown: string): string[] {
  const cells = [...markdown.matchAll(/^\| (`[^|]*) \|/gm)].map(([, cell]) => cell!);
  return cells.flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name!));
}

describe('docs of statistics and logs', () => {
  const sample = statsSample({ jobs: [jobSample()] });
  const document = buildDocument(sample);

  it('define every field of stats.json and every metric, and no others', () => {
    const metrics = [...parseExposition(formatMetrics(document, sample.totals)).keys()];
    const files = ['statFile.txt', 'stats.json', 'metrics.txt'];
    expect(documented(read('stats.md'))).to.have.members([...files, ...fieldsOf(document), ...metrics]);
  });

  it('give the type of every metric', () => {
    const families = parseExposition(formatMetrics(document, sample.totals));
    const text = read('stats.md');
    for (const [name, { type }] of families) expect(text).to.include(`| \`${name}\` | ${type} |`);
  });

  it('define every field of a JSON log line, and show its shape', () => {
    const text = read('logs.md');
    const line = textFormatter('json', 4711)(
      {
        remote: '192.0.2.7',
        method: 'GET',
        target: '/a.html',
        protocol: 'HTTP/1.1',
        status: 200,
        bytes: 1234,
        durationUs: 1499,
        referer: 'https://example.org/',
        userAgent: 'curl/8.5.0',
        cache: 'HIT',
      },
      Date.UTC(2026, 0, 2, 22, 4, 5, 67),
    );
    expect(text).to.include(line);
    expect(documented(text)).to.include.members(Object.keys(JSON.parse(line) as object));
  });
});
