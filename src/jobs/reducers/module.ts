/** `module`: the user's own reducer, an ES module or a CommonJS one. docs/jobs.md says how to write it. */
import { pathToFileURL } from 'node:url';
import type { Emit, Output, Reducer } from './reducer.js';

/** What the module's functions are given last: one for each job, where the module may keep what it likes. */
interface ModuleJob {
  readonly name: string;
  readonly emit: (output: unknown) => void;
  [field: string]: unknown;
}

/** Its exports, of which only `add` must be there. Each may be async. */
interface JobModule {
  readonly init?: (job: ModuleJob) => unknown;
  readonly add: (chunk: Buffer, part: string, job: ModuleJob) => unknown;
  readonly endPart?: (part: string, job: ModuleJob) => unknown;
  readonly finish?: (job: ModuleJob) => unknown;
}

const FUNCTIONS = ['init', 'add', 'endPart', 'finish'] as const;

/** Loads the module, once in a thread, and begins with a job. Rejects when it cannot be loaded, or is no reducer. */
export async function moduleReducer(path: string, name: string, emit: Emit): Promise<Reducer> {
  const module = jobModule(await import(pathToFileURL(path).href), path);
  const job: ModuleJob = { name, emit: (output) => emit(checked(output, 'emit was given')) };
  await module.init?.(job);
  return {
    // A copy, since a module may keep what it was given.
    add: async (chunk, part) => void (await module.add(Buffer.from(chunk), part, job)),
    endPart: async (part) => void (await module.endPart?.(part, job)),
    finish: () => pieces(module, job),
  };
}

async function* pieces(module: JobModule, job: ModuleJob): AsyncGenerator<Output> {
  const last = await module.finish?.(job);
  if (last === undefined || last === null) return;
  const problem = 'finish gave';
  if (!isIterable(last) || isOutput(last)) yield checked(last, problem);
  else for await (const piece of last) yield checked(piece, problem);
}

function jobModule(imported: Record<string, unknown>, path: string): JobModule {
  // The default export of a CommonJS module is all of its exports; of the named ones Node may find a few only.
  const whole: Record<string, unknown> = Object(imported.default);
  const exported = typeof whole.add === 'function' ? whole : imported;
  for (const name of FUNCTIONS) {
    const found: unknown = exported[name];
    if (typeof found === 'function' || (found === undefined && name !== 'add')) continue;
    throw new Error(
      `${path} exports no function "${name}"${found === undefined ? '' : ', but something else'}`,
    );
  }
  return exported as unknown as JobModule;
}

function isOutput(value: unknown): value is Output {
  return typeof value === 'string' || value instanceof Uint8Array;
}

function isIterable(value: unknown): value is Iterable<unknown> | AsyncIterable<unknown> {
  return (
    typeof value === 'object' && value !== null && (Symbol.iterator in value || Symbol.asyncIterator in value)
  );
}

function checked(value: unknown, problem: string): Output {
  if (isOutput(value)) return value;
  throw new TypeError(`${problem} ${kindOf(value)}, which is neither a string nor bytes (Uint8Array)`);
}

function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  return Array.isArray(value) ? 'an array' : `a value of type ${typeof value}`;
}
