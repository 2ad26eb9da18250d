/** wrk and ab: how they are called, and what they say. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import type { CpuCase } from './case.js';

export interface ToolCount {
  /** Whole responses, errors included. */
  readonly responses: number;
  readonly requestsPerSecond: number;
  /** Non-2xx, broken connections, timeouts, and for ab other lengths than at first. */
  readonly errors: number;
}

/** How much load one run is: wrk runs for a time, ab sends a number of requests. */
export interface Amount {
  readonly seconds: number;
  readonly requests: number;
}

const ENOUGH_TIME_MS = 120_000;

/** How to get a tool that is not there; undefined when it is. */
export function missingTool(tool: CpuCase['tool']): string | undefined {
  const { error } = spawnSync(tool, [tool === 'wrk' ? '-v' : '-V']);
  if (error === undefined) return undefined;
  return `${tool} is not installed (apt-get install ${tool === 'wrk' ? 'wrk' : 'apache2-utils'})`;
}

/** Puts a load on a server. Rejects with what the tool prints when it fails, or when the signal is given. */
export async function runTool(
  { tool, path, connections }: CpuCase,
  port: number,
  { seconds, requests }: Amount,
  signal: AbortSignal,
): Promise<ToolCount> {
  const url = `http://127.0.0.1:${port}${path}`;
  const args =
    tool === 'wrk'
      ? ['--threads', '1', '--connections', connections, '--duration', `${seconds}s`, url]
      : ['-q', '-r', '-n', requests, '-c', connections, url];
  const child = spawn(tool, args.map(String), {
    stdio: ['ignore', 'pipe', 'pipe'],
    signal,
    killSignal: 'SIGKILL',
    timeout: ENOUGH_TIME_MS,
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const [code] = await once(child, 'close');
  const count = tool === 'wrk' ? parseWrk(output) : parseAb(output);
  if (code !== 0 || count === undefined)
    throw new Error(`${tool} failed: ${output.trim().split('\n').at(-1)}`);
  return count;
}

/** What wrk prints; undefined when it is no result. */
export function parseWrk(text: string): ToolCount | undefined {
  const responses = find(text, /(\d+) requests in /);
  const requestsPerSecond = find(text, /Requests\/sec:\s+([\d.]+)/);
  if (responses === undefined || requestsPerSecond === undefined) return undefined;
  const socket =
    /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(text)?.slice(1) ?? [];
  const errors = [find(text, /Non-2xx or 3xx responses: (\d+)/) ?? 0, ...socket.map(Number)];
  return { responses, requestsPerSecond, errors: errors.reduce((sum, count) => sum + count, 0) };
}

/** What ab prints; undefined when it is no result. */
export function parseAb(text: string): ToolCount | undefined {
  const responses = find(text, /Complete requests:\s+(\d+)/);
  const requestsPerSecond = find(text, /Requests per second:\s+([\d.]+)/);
  if (responses === undefined || requestsPerSecond === undefined) return undefined;
  const errors =
    (find(text, /Failed requests:\s+(\d+)/) ?? 0) + (find(text, /Non-2xx responses:\s+(\d+)/) ?? 0);
  return { responses, requestsPerSecond, errors };
}

function find(text: string, pattern: RegExp): number | undefined {
  const found = pattern.exec(text)?.[1];
  return found === undefined ? undefined : Number(found);
}
