/** server.conf: its bytes in, assignments and mistakes out. Pure; the values are read in load.ts. */
import { isUtf8 } from 'node:buffer';
import { dirname } from 'node:path';
import { type Assignment, shownPath } from './assignment.js';
import { parseLine } from './conf-syntax.js';
import type { ConfigMistake } from './mistake.js';
import { didYouMean } from './suggest.js';
import { KEYS, rowOfKey } from './table.js';

export interface ParsedFile {
  readonly assignments: readonly Assignment[];
  readonly mistakes: readonly ConfigMistake[];
}

/**
 * Reads a configuration. CRLF line ends and a UTF-8 byte order mark are taken as they come.
 *
 * @param file absolute path; relative paths in values start from its directory
 * @param cwd where the person is who reads the mistakes
 */
export function parseFile(bytes: Buffer, file: string, cwd: string): ParsedFile {
  const source = shownPath(file, cwd);
  const unreadable = refuseBytes(bytes);
  if (unreadable !== undefined) return { assignments: [], mistakes: [{ source, key: '', ...unreadable }] };

  const assignments: Assignment[] = [];
  const mistakes: ConfigMistake[] = [];
  const seen = new Map<string, number>();
  // A byte order mark before the first line and a CR after any are white space, which `parseLine` trims.
  for (const [index, content] of bytes.toString('utf8').split('\n').entries()) {
    const line = index + 1;
    const parsed = parseLine(content);
    if (parsed.kind === 'blank') continue;
    if (parsed.kind === 'bad') {
      const { kind: _, ...what } = parsed;
      mistakes.push({ source, line, ...what });
      continue;
    }
    const { key, value } = parsed;
    const row = rowOfKey(key);
    if (row === undefined) {
      mistakes.push({ source, line, key, value, message: 'unknown key', hint: didYouMean(key, KEYS) });
      continue;
    }
    const first = seen.get(key);
    if (first !== undefined && row.type.combine === undefined) {
      const message = `already set in line ${first}`;
      mistakes.push({ source, line, key, value, message, hint: 'remove one of the two' });
      continue;
    }
    seen.set(key, first ?? line);
    assignments.push({
      name: row.name,
      text: value,
      key,
      origin: { kind: 'file', file, line },
      base: dirname(file),
    });
  }
  return { assignments, mistakes };
}

/** Why these bytes are no text in UTF-8, and in which line. */
function refuseBytes(bytes: Buffer): Pick<ConfigMistake, 'message' | 'line' | 'hint'> | undefined {
  const mark = bytes.subarray(0, 2).toString('hex');
  if (mark === 'fffe' || mark === 'feff') return { message: 'this is UTF-16', hint: 'save it as UTF-8' };
  const nul = bytes.indexOf(0);
  if (nul >= 0) return { line: lineAt(bytes, nul), message: 'a NUL byte: this is no text file' };
  if (isUtf8(bytes)) return undefined;
  // A line feed is never part of a longer UTF-8 sequence, so one of the lines is at fault.
  let start = 0;
  for (let line = 1; ; line++) {
    const end = bytes.indexOf(0x0a, start);
    if (end < 0 || !isUtf8(bytes.subarray(start, end)))
      return { line, message: 'this is not UTF-8', hint: 'save it as UTF-8' };
    start = end + 1;
  }
}

function lineAt(bytes: Buffer, offset: number): number {
  let line = 1;
  for (let at = bytes.indexOf(0x0a); at >= 0 && at < offset; at = bytes.indexOf(0x0a, at + 1)) line++;
  return line;
}
