/** The arguments of `handover get`, read and checked. */
import { resolve } from 'node:path';
import { COMMAND_LINE, type ConfigMistake } from '../config/mistake.js';
import { integer } from '../config/values.js';
import { localName, wirePath } from '../getfile/client/paths.js';
import type { CommandLine } from './command-line.js';
import type { OptionName } from './options.js';

export interface GetOptions {
  readonly host: string;
  readonly port: number;
  /** As they go over the wire; in the order in which they are asked for, again and again. */
  readonly paths: readonly string[];
  readonly requests: number;
  readonly threads: number;
  readonly timeoutMs: number;
  /** Absolute; undefined: nothing is kept. */
  readonly out: string | undefined;
  /** What is received is compared: with the files in this directory (absolute), or each path with itself. */
  readonly verify: string | 'repeats' | undefined;
}

const DEFAULT_THREADS = 4;
const DEFAULT_TIMEOUT_SECONDS = 60;
const LIMITS = {
  threads: integer(1, 256),
  requests: integer(1, 1_000_000_000),
  timeout: integer(1, 86_400),
} as const;

/**
 * Reads the arguments. `workload` are the paths of the file that `--workload` names, undefined where it is not
 * given.
 */
export function getOptions(
  { operands, values, switches }: CommandLine,
  workload: readonly string[] | undefined,
  cwd: string,
): GetOptions | { readonly mistakes: readonly ConfigMistake[] } {
  const mistakes: ConfigMistake[] = [];
  const refuse = (key: string, message: string, hint?: string, value?: string): void => {
    mistakes.push({ source: COMMAND_LINE, key, value, message, hint });
  };
  const number = (name: keyof typeof LIMITS): number | undefined => {
    const text = values.get(name);
    if (text === undefined) return undefined;
    const parsed = LIMITS[name].parse(text, cwd);
    if ('value' in parsed) return parsed.value;
    refuse(`--${name}`, parsed.problem, parsed.hint, text);
    return undefined;
  };
  const directory = (name: OptionName): string | undefined => {
    const text = values.get(name);
    return text === undefined ? undefined : resolve(cwd, text);
  };

  const [server = '', ...written] = operands;
  const address = parseServer(server);
  if (address === undefined) {
    refuse(server || 'get', 'the first word must be the server', 'write HOST:PORT, as in 127.0.0.1:3001');
  }
  const paths = [...written, ...(workload ?? [])].map(wirePath);
  if (paths.length === 0) {
    if (workload === undefined) refuse('get', 'there is nothing to get', 'name a path, or --workload FILE');
    else refuse('--workload', 'there is no path in it', undefined, values.get('workload'));
  }
  const out = directory('out');
  const verify = directory('verify') ?? (switches.has('verify') ? 'repeats' : undefined);
  const needsName = out !== undefined || (verify !== undefined && verify !== 'repeats');
  const unnamed = needsName ? paths.find((path) => localName(path) === undefined) : undefined;
  if (unnamed !== undefined) refuse(unnamed, 'this path names no file below a directory');
  const threads = number('threads') ?? DEFAULT_THREADS;
  const requests = number('requests') ?? paths.length;
  const timeoutMs = (number('timeout') ?? DEFAULT_TIMEOUT_SECONDS) * 1000;
  if (address === undefined || mistakes.length > 0) return { mistakes };
  return { ...address, paths, requests, threads: Math.min(threads, requests), timeoutMs, out, verify };
}

/** `HOST:PORT`, with brackets around an IPv6 address. */
function parseServer(text: string): { readonly host: string; readonly port: number } | undefined {
  const [, bracketed, plain, digits] = /^(?:\[([^[\]]+)\]|([^:[\]/]+)):(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  const host = bracketed ?? plain;
  return host !== undefined && port >= 1 && port <= 65_535 ? { host, port } : undefined;
}
