/** Puts a result into files. */
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BenchResult } from '../results.js';
import { renderChart } from './chart.js';
import { renderMarkdown } from './markdown.js';

/**
 * Writes page, data and chart by the time of the run, and returns the path of the page. A whole run also becomes
 * `latest.md` and `latest.svg`; a shortened or filtered one has `-partial` in its names, which git ignores.
 */
export function writeResult(result: BenchResult, directory: string): string {
  mkdirSync(directory, { recursive: true });
  const time = result.startedAt.slice(0, 19).replace('T', '-').replaceAll(':', '');
  const name = `${time}${result.whole ? '' : '-partial'}`;
  const data = `${name}.json`;
  const path = join(directory, `${name}.md`);
  writeFileSync(join(directory, data), `${JSON.stringify(result, null, 1)}\n`);
  writeFileSync(join(directory, `${name}.svg`), renderChart(result));
  writeFileSync(path, renderMarkdown(result, `${name}.svg`, data));
  if (result.whole) {
    copyFileSync(join(directory, `${name}.svg`), join(directory, 'latest.svg'));
    writeFileSync(join(directory, 'latest.md'), renderMarkdown(result, 'latest.svg', data));
  }
  return path;
}
