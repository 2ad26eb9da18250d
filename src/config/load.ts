/**
 * From what was written to the settings: command line over environment over file over default. Reads the
 * configuration file and looks at the paths it names; what is done about mistakes is the caller's business.
 */
import { dirname, resolve } from 'node:path';
import { type Assignment, type Origin, placeOf } from './assignment.js';
import { checkPaths } from './check-paths.js';
import { crossCheck } from './cross-check.js';
import { type Environment, parseEnvironment } from './environment.js';
import { COMMAND_LINE, type ConfigMistake } from './mistake.js';
import type { Placed } from './place.js';
import { readConfigFile } from './read-file.js';
import { flagOf, type SettingName } from './setting.js';
import type { Settings } from './settings.js';
import { ROWS, type Row, rowOf, TABLE } from './table.js';
import { isRefusal } from './value-type.js';

/** What the settings are made from. A reload asks the same question again. */
export interface SettingsRequest {
  /** Absolute; relative paths of the command line and the environment start here. */
  readonly cwd: string;
  readonly env: Environment;
  /** The configuration file, when there is one. */
  readonly configFile?: string | undefined;
  /** Settings from the command line, in its order. */
  readonly flags?: readonly Assignment[] | undefined;
  /** The directory to serve that was named on the command line. */
  readonly directory?: string | undefined;
}

export type Origins = Readonly<Record<SettingName, Origin>>;

export interface LoadedSettings {
  /** Frozen, and always whole: a setting whose value is wrong has the one of the next weaker source. */
  readonly settings: Settings;
  readonly origins: Origins;
  /** Empty when the settings can be used. */
  readonly mistakes: readonly ConfigMistake[];
  /** Absolute. */
  readonly configFile: string | undefined;
}

/** Reads and checks everything once. Does not throw: what is wrong stands in `mistakes`. */
export function loadSettings(request: SettingsRequest): LoadedSettings {
  const { cwd, env } = request;
  const configFile = request.configFile === undefined ? undefined : resolve(cwd, request.configFile);
  const file = configFile === undefined ? undefined : readConfigFile(configFile, cwd);
  const environment = parseEnvironment(env, cwd);
  const commandLine = parseCommandLine(request);
  const mistakes = [...(file?.mistakes ?? []), ...environment.mistakes, ...commandLine.mistakes];

  const values = defaults(configFile, cwd);
  const assignments = new Map<SettingName, Assignment>();
  const unread = new Set<SettingName>();
  // From the weakest source to the strongest: each replaces what came before it.
  for (const source of [file?.assignments ?? [], environment.assignments, commandLine.assignments]) {
    for (const [name, written] of grouped(source)) {
      const outcome = readValue(rowOf(name), written, cwd);
      if ('mistakes' in outcome) {
        mistakes.push(...outcome.mistakes);
        unread.add(name);
      } else {
        values.set(name, outcome.value);
        assignments.set(name, written.at(-1)!);
      }
    }
  }
  const settings = freeze(values);
  const placed: Placed = { assignments, unread, configFile, cwd };
  // Without its file the server would run on defaults that nobody asked for: they are not judged.
  const unreadable = mistakes.some((mistake) => mistake.unreadable);
  if (!unreadable) mistakes.push(...crossCheck(settings, placed), ...checkPaths(settings, placed));
  return { settings, origins: originsOf(assignments), mistakes: inOrder(mistakes), configFile };
}

/** By source, in the order they were read, and by line. */
function inOrder(mistakes: readonly ConfigMistake[]): ConfigMistake[] {
  const sources = [...new Set(mistakes.map(({ source }) => source))];
  return sources.flatMap((source) =>
    mistakes.filter((mistake) => mistake.source === source).sort((a, b) => (a.line ?? 0) - (b.line ?? 0)),
  );
}

/** The flags, and DIR as one more way to say DOCUMENT_ROOT. */
function parseCommandLine(request: SettingsRequest): {
  readonly assignments: readonly Assignment[];
  readonly mistakes: readonly ConfigMistake[];
} {
  const { directory, flags = [], cwd } = request;
  if (directory === undefined) return { assignments: flags, mistakes: [] };
  const origin = { kind: 'command line', flag: 'DIR' } as const;
  const operand: Assignment = { name: 'documentRoot', text: directory, key: 'DIR', origin, base: cwd };
  const flag = flagOf(TABLE.documentRoot.key);
  const mistakes: ConfigMistake[] = flags.some(({ name }) => name === 'documentRoot')
    ? [
        {
          source: COMMAND_LINE,
          key: 'DIR',
          value: directory,
          message: `${flag} is given too`,
          hint: 'give one of the two',
        },
      ]
    : [];
  return { assignments: [...flags, operand], mistakes };
}

/** Every default, read like any other value; paths start at the configuration file, or else at `cwd`. */
function defaults(configFile: string | undefined, cwd: string): Map<SettingName, unknown> {
  const base = configFile === undefined ? cwd : dirname(configFile);
  const values = new Map<SettingName, unknown>();
  for (const row of ROWS) {
    const text = configFile === undefined ? (row.defaultWithoutFile ?? row.default) : row.default;
    const parsed = row.type.parse(text, base);
    if (isRefusal(parsed)) throw new Error(`the default of ${row.key} is no value: ${parsed.problem}`);
    values.set(row.name, parsed.value);
  }
  return values;
}

function grouped(assignments: readonly Assignment[]): Map<SettingName, Assignment[]> {
  const groups = new Map<SettingName, Assignment[]>();
  for (const assignment of assignments) {
    const group = groups.get(assignment.name);
    if (group === undefined) groups.set(assignment.name, [assignment]);
    else group.push(assignment);
  }
  return groups;
}

/**
 * Reads all that one source says about one setting. Parts of a repeatable key are put together; of others
 * the last counts, as is usual for flags (a file is refused earlier when it repeats such a key).
 */
function readValue(
  row: Row,
  written: readonly Assignment[],
  cwd: string,
): { readonly value: unknown } | { readonly mistakes: readonly ConfigMistake[] } {
  const parts: unknown[] = [];
  const mistakes: ConfigMistake[] = [];
  for (const assignment of written) {
    const { text, base } = assignment;
    const parsed = /[^\P{Cc}\t]/u.test(text)
      ? { problem: 'has a control character in it', hint: undefined }
      : row.type.parse(text, base);
    if (isRefusal(parsed)) {
      mistakes.push({ ...placeOf(assignment, cwd), message: parsed.problem, hint: parsed.hint });
    } else parts.push(parsed.value);
  }
  if (mistakes.length > 0) return { mistakes };
  return { value: row.type.combine === undefined ? parts.at(-1) : row.type.combine(parts) };
}

function originsOf(assignments: ReadonlyMap<SettingName, Assignment>): Origins {
  const entries = ROWS.map(({ name }) => [name, assignments.get(name)?.origin ?? { kind: 'default' }]);
  return Object.freeze(Object.fromEntries(entries));
}

/** The table's type guarantees that each value has the type its name has in `Settings`. */
function freeze(values: ReadonlyMap<SettingName, unknown>): Settings {
  for (const value of values.values()) {
    if (Array.isArray(value)) for (const item of [...value, value]) Object.freeze(item);
  }
  return Object.freeze(Object.fromEntries(values)) as unknown as Settings;
}
