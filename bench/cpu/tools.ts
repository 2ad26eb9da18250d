/** wrk and ab: how they are called, and what they say. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';

export type ToolName = 'wrk' | 'ab';

export interface ToolCount {
  /** Whole responses, those with errors included. */
  readonly responses: number;
  readonly requestsPerSecond: number;
  readonly elapsedMs: number;
  /** Heads and bodies; of wrk also of the responses that were under way at its end. */
  readonly bytes: number;
  /** Answers that wrk takes for errors (from 400 on) or ab (all but 2xx). */
  readonly badStatus: number;
  /** Broken connections and timeouts, and for ab other lengths than at first. */
  readonly errors: number;
}

/** How much load one run is: wrk runs for a time, ab sends a number of requests. */
export interface Amount {
  readonly seconds: number;
  readonly requests: number;
}

/** What to ask a tool for. */
export interface ToolTask {
  readonly url: string;
  readonly connections: number;
  /** Of wrk; no more than connections. */
  readonly threads: number;
  /** Lines such as `If-None-Match: "1"`; for wrk. */
  readonly headers: readonly string[];
  /** A script of `wrkScript`, in a file. */
  readonly script: string;
}

/** A load under way. */
export interface ToolRun {
  /** Rejects with what the tool prints when it fails. */
  readonly result: Promise<ToolCount>;
  /** Lets wrk end before its time is over, and tell what it has counted. */
  finish(): void;
}

const ENOUGH_TIME_MS = 300_000;
/** A client that waits longer has an error. */
const TIMEOUT_SECONDS = 10;

/** How to get a tool that is not there; undefined when it is. */
export function missingTool(tool: ToolName): string | undefined {
  const { error } = spawnSync(tool, [tool === 'wrk' ? '-v' : '-V']);
  if (error === undefined) return undefined;
  return `${tool} is not installed (apt-get install ${tool === 'wrk' ? 'wrk' : 'apache2-utils'})`;
}

/** Puts a load on a server. It is ended when the signal is given. */
export function startTool(tool: ToolName, task: ToolTask, amount: Amount, signal: AbortSignal): ToolRun {
  const { args, parse } = tool === 'wrk' ? wrk(task, amount) : ab(task, amount);
  const child = spawn(tool, args.map(String), {
    stdio: ['ignore', 'pipe', 'pipe'],
    signal,
    killSignal: 'SIGKILL',
    timeout: ENOUGH_TIME_MS,
  });
  const result = outcome(child, tool, parse);
  // Whoever waits for something else first is not to miss it.
  result.catch(() => {});
  return { result, finish: () => child.kill('SIGINT') };
}

async function outcome(child: ChildProcess, tool: ToolName, parse: typeof parseWrk): Promise<ToolCount> {
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const [code] = await once(child, 'close');
  const count = parse(output);
  if (code !== 0 || count === undefined)
    throw new Error(`${tool} failed: ${output.trim().split('\n').at(-1)}`);
  return count;
}

function wrk({ url, connections, threads, headers, script }: ToolTask, { seconds }: Amount) {
  const args = [
    ...['--threads', threads, '--connections', connections, '--duration', `${seconds}s`],
    ...['--timeout', `${TIMEOUT_SECONDS}s`, '--script', script],
    ...headers.flatMap((header) => ['--header', header]),
    url,
  ];
  return { args, parse: parseWrk };
}

function ab({ url, connections }: ToolTask, { requests }: Amount) {
  return { args: ['-q', '-r', '-n', requests, '-c', connections, url], parse: parseAb };
}

const MARK = 'counted: ';

/**
 * What makes wrk tell its counts exactly, which it prints with three digits only; with `pipeline`, send that many
 * requests at once; with `counter`, keep the number of requests sent so far in that file, to the nearest
 * COUNTER_STEP. Without these two it makes the request once, and Lua does not run during the load.
 */
export function wrkScript({ pipeline = 1, counter }: { pipeline?: number; counter?: string } = {}): string {
  const fields =
    'summary.requests, summary.duration, summary.bytes, e.status, e.connect, e.read, e.write, e.timeout';
  const done = `function done(summary)
  local e = summary.errors
  io.write(string.format('${MARK}%.0f %.0f %.0f %.0f %.0f %.0f %.0f %.0f\\n', ${fields}))
end
`;
  if (pipeline > 1) {
    return `${done}function init()
  batch = string.rep(wrk.format(), ${pipeline})
end
function request()
  return batch
end
`;
  }
  if (counter === undefined) return done;
  return `${done}function init()
  one, sent, file = wrk.format(), 0, io.open('${counter}', 'w')
end
function request()
  sent = sent + 1
  if sent % ${COUNTER_STEP} == 0 then
    file:seek('set')
    file:write(sent)
    file:flush()
  end
  return one
end
`;
}

const COUNTER_STEP = 64;

/** What wrk prints with `wrkScript`; undefined when it is no result. */
export function parseWrk(text: string): ToolCount | undefined {
  const line = new RegExp(`^${MARK}([\\d ]+)$`, 'm').exec(text)?.[1];
  if (line === undefined) return undefined;
  const [responses = 0, us = 0, bytes = 0, badStatus = 0, ...errors] = line.split(' ').map(Number);
  return {
    ...{ responses, bytes, badStatus, elapsedMs: us / 1000, requestsPerSecond: (responses / us) * 1e6 },
    errors: errors.reduce((sum, count) => sum + count, 0),
  };
}

/** What ab prints; undefined when it is no result. */
export function parseAb(text: string): ToolCount | undefined {
  const responses = find(text, /Complete requests:\s+(\d+)/);
  const requestsPerSecond = find(text, /Requests per second:\s+([\d.]+)/);
  const seconds = find(text, /Time taken for tests:\s+([\d.]+)/);
  const bytes = find(text, /Total transferred:\s+(\d+)/);
  if (responses === undefined || requestsPerSecond === undefined) return undefined;
  if (seconds === undefined || bytes === undefined) return undefined;
  return {
    ...{ responses, requestsPerSecond, bytes, elapsedMs: seconds * 1000 },
    badStatus: find(text, /Non-2xx responses:\s+(\d+)/) ?? 0,
    errors: find(text, /Failed requests:\s+(\d+)/) ?? 0,
  };
}

function find(text: string, pattern: RegExp): number | undefined {
  const found = pattern.exec(text)?.[1];
  return found === undefined ? undefined : Number(found);
}
