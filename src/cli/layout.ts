/** Text in columns. Pure. */

/** A space that `wrap` does not break a line at. */
export const HARD_SPACE = '\u00a0';

/** Breaks a text at spaces into lines of at most `width` characters; a longer word has a line of its own. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/ +/)) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line].map((full) => full.replaceAll(HARD_SPACE, ' '));
}

/**
 * Pairs of a term and its description, the descriptions beneath each other. A term that is too long for its
 * column stands alone, its description on the next line.
 */
export function definitions(
  pairs: readonly (readonly [string, string])[],
  termWidth: number,
  width: number,
): string {
  const indent = ' '.repeat(termWidth + 4);
  return pairs
    .map(([term, description]) => {
      const text = wrap(description, width - indent.length).join(`\n${indent}`);
      const gap = term.length > termWidth ? `\n${indent}` : ' '.repeat(termWidth - term.length + 2);
      return `  ${term}${gap}${text}\n`;
    })
    .join('');
}

/** Rows of cells, each column as wide as its widest cell; columns of numbers are set to the right. */
export function table(rows: readonly (readonly string[])[], rightAligned: ReadonlySet<number>): string {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, cell.length);
  }
  const align = (cell: string, column: number): string => {
    const width = widths[column] ?? 0;
    return rightAligned.has(column) ? cell.padStart(width) : cell.padEnd(width);
  };
  return rows.map((row) => `  ${row.map(align).join('  ').trimEnd()}\n`).join('');
}
