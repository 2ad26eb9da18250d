/** Settings in environment variables: `HANDOVER_PORT` and so on. Pure. */
import type { Assignment } from './assignment.js';
import { type ConfigMistake, ENVIRONMENT } from './mistake.js';
import { ENVIRONMENT_PREFIX, variableOf } from './setting.js';
import { slipOf } from './suggest.js';
import { KEYS, ROWS, rowOfKey } from './table.js';

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The settings among the variables. An empty variable counts as not set. A repeatable key has one rule on
 * each line. An unknown name is a mistake only when it is a slip of a known one: orchestrators set variables
 * that begin like ours (`HANDOVER_SERVICE_HOST`).
 */
export function parseEnvironment(
  env: Environment,
  cwd: string,
): { readonly assignments: readonly Assignment[]; readonly mistakes: readonly ConfigMistake[] } {
  const assignments: Assignment[] = [];
  const mistakes: ConfigMistake[] = [];
  for (const { key, name, type } of ROWS) {
    const variable = variableOf(key);
    const value = env[variable];
    if (value === undefined || value.trim() === '') continue;
    const texts =
      type.combine === undefined ? [value] : value.split('\n').filter((text) => text.trim() !== '');
    for (const text of texts) {
      assignments.push({
        name,
        text: text.trim(),
        key: variable,
        origin: { kind: 'environment', variable },
        base: cwd,
      });
    }
  }
  for (const [variable, value] of Object.entries(env)) {
    if (!variable.startsWith(ENVIRONMENT_PREFIX)) continue;
    const key = variable.slice(ENVIRONMENT_PREFIX.length);
    if (rowOfKey(key) !== undefined) continue;
    const near = slipOf(key, KEYS);
    if (near === undefined) continue;
    const hint = `did you mean ${variableOf(near)}?`;
    mistakes.push({ source: ENVIRONMENT, key: variable, value, message: 'unknown variable', hint });
  }
  return { assignments, mistakes };
}
