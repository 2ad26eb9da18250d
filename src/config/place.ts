/** Says where the value of a setting stands, for mistakes that are found only when all values are known. */
import { type Assignment, placeOf, shownPath } from './assignment.js';
import type { ConfigMistake } from './mistake.js';
import type { SettingName } from './setting.js';
import { rowOf } from './table.js';

/** Where to look for mistakes between values, and how to name the place of each. */
export interface Placed {
  /** The assignment that each setting has its value from; those that are not here have their default. */
  readonly assignments: ReadonlyMap<SettingName, Assignment>;
  /** Settings whose values could not be read: what they are compared with is nobody's mistake. */
  readonly unread: ReadonlySet<SettingName>;
  /** Absolute. */
  readonly configFile: string | undefined;
  readonly cwd: string;
}

/** A mistake in the value of `name`. */
export function mistakeIn(
  name: SettingName,
  placed: Placed,
  what: Pick<ConfigMistake, 'message' | 'hint' | 'unreadable'>,
): ConfigMistake {
  const { configFile, cwd } = placed;
  const assignment = placed.assignments.get(name);
  if (assignment !== undefined) return { ...placeOf(assignment, cwd), ...what };
  const row = rowOf(name);
  const [source, value] =
    configFile === undefined
      ? ['default', row.defaultWithoutFile ?? row.default]
      : [shownPath(configFile, cwd), row.default];
  return { source, key: row.key, value, ...what };
}
