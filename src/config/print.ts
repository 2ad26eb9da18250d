/** Settings as text: the effective configuration in the syntax of server.conf, and what a reload changed. Pure. */
import { describeOrigin } from './assignment.js';
import { formatValue } from './conf-syntax.js';
import type { Origins } from './load.js';
import { SECTIONS } from './setting.js';
import type { Settings } from './settings.js';
import { ROWS, type Row, rowsIn } from './table.js';

/** Comments stand here, unless the value is longer. */
const COMMENT_COLUMN = 44;

function textsOf(row: Row, settings: Settings): readonly string[] {
  return row.type.format(settings[row.name]);
}

/**
 * A configuration that gives these settings when it is read again. A comment says where each value comes
 * from that is not the default.
 */
export function printSettings(settings: Settings, origins: Origins, cwd: string): string {
  const blocks = SECTIONS.map((section) => {
    const lines = rowsIn(section).flatMap((row) => {
      const origin = origins[row.name];
      const comment = origin.kind === 'default' ? '' : ` # ${describeOrigin(origin, cwd)}`;
      return textsOf(row, settings).map((text) => {
        const pair = `${row.key}=${formatValue(text)}`;
        return comment === '' ? pair : pair.padEnd(COMMENT_COLUMN) + comment;
      });
    });
    return [`# ${section}`, ...lines].join('\n');
  });
  return `${blocks.join('\n\n')}\n`;
}

/** A line `KEY: old -> new` for each setting that differs, `KEY: changed` for a secret; in the order of the table. */
export function diffSettings(before: Settings, after: Settings): string[] {
  const changes: string[] = [];
  for (const row of ROWS) {
    const [from, to] = [before, after].map((settings) => textsOf(row, settings).join(', ') || '(nothing)');
    if (from !== to) changes.push(row.isSecret ? `${row.key}: changed` : `${row.key}: ${from} -> ${to}`);
  }
  return changes;
}
