/**
 * A process that writes an access log as a worker does. Arguments: file, number of lines, a name. Line
 * n has the target `/<name>/<n>` and a length of its own. Begins at the message `go`; tells what was
 * reported and dropped when the log is closed, and exits.
 */
import { AccessLog } from '../../src/worker/access-log.js';
import { toEntry } from './log-lines.js';

export interface WriterResult {
  readonly reports: readonly string[];
  readonly dropped: number;
}

const [file = '-', lines = '0', name = ''] = process.argv.slice(2);
const reports: string[] = [];
let dropped = 0;
const log = new AccessLog({
  file,
  format: 'combined',
  report: (message) => reports.push(message),
  onDropped: (count) => {
    dropped += count;
  },
});

function writeFrom(first: number): void {
  const next = Math.min(first + 50, Number(lines));
  for (let n = first; n < next; n++) {
    log.write(
      toEntry({
        remote: '127.0.0.1',
        method: 'GET',
        target: `/${name}/${n}`,
        protocol: 'HTTP/1.1',
        status: 200,
        bytes: n,
        durationUs: 1234,
        referer: '',
        userAgent: 'x'.repeat(n % 200),
        cache: 'HIT',
      }),
    );
  }
  if (next < Number(lines)) setImmediate(writeFrom, next);
  else void finish();
}

async function finish(): Promise<void> {
  await log.close();
  process.send?.({ reports, dropped } satisfies WriterResult, () => process.exit());
}

process.once('message', () => writeFrom(0));
process.send?.('ready');
