/** Reads what a running server says of itself in its stats.json. */
import { readFileSync } from 'node:fs';
import { messageOf } from '../errors.js';
import type { StatsDocument } from '../stats/schema.js';

/** The document, if it is one of the version we know; otherwise why it is not there. */
export function readStats(path: string): StatsDocument | { readonly problem: string } {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    return { problem: messageOf(error) };
  }
  return parseStats(text) ?? { problem: 'this is not its statistics' };
}

function parseStats(text: string): StatsDocument | undefined {
  try {
    const value: unknown = JSON.parse(text);
    const isOurs = typeof value === 'object' && value !== null && 'version' in value && value.version === 1;
    return isOurs ? (value as StatsDocument) : undefined;
  } catch {
    return undefined;
  }
}
