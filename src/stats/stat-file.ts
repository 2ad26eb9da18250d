/**
 * `statFile.txt`: the six numbers of the reference's dashboard, in its order, on one line.
 *
 *     active connections,bytes sent,200s,404s,5xxs,requests\n
 *
 * A reader splits at the commas and parses each part as a number; there are always six.
 */
import type { StatsDocument } from './schema.js';

/** The whole content of the file. */
export function formatStatFile(document: StatsDocument): string {
  const { connections, bytes, status, requests } = document;
  const numbers = [
    connections.active,
    bytes.sent,
    status['200'],
    status['404'],
    status['5xx'],
    requests.total,
  ];
  return `${numbers.join(',')}\n`;
}
