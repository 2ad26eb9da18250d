/**
 * The one table of settings. It yields the parsing of server.conf, the flags, the environment variables,
 * the help, `check`, `--print-config` and docs/settings.md; its result is the type `Settings`.
 */
import type { Section, Setting, SettingName, Table } from './setting.js';
import { FILE_ROWS } from './table-files.js';
import { JOB_ROWS } from './table-jobs.js';
import { CACHE_ROWS, LIMIT_ROWS } from './table-limits.js';
import { OPERATION_ROWS } from './table-operation.js';
import { PROCESS_ROWS } from './table-processes.js';
import { PROXY_ROWS } from './table-proxy.js';
import { RESPONSE_ROWS } from './table-responses.js';
import { SHARED_CACHE_ROWS } from './table-shared-cache.js';
import { TLS_ROWS } from './table-tls.js';
import { WRITING_ROWS } from './table-writing.js';

/** By the name that a setting has in the program, in the order of the docs. */
export const TABLE: Table = {
  ...PROCESS_ROWS,
  ...TLS_ROWS,
  ...FILE_ROWS,
  ...RESPONSE_ROWS,
  ...CACHE_ROWS,
  ...WRITING_ROWS,
  ...PROXY_ROWS,
  ...SHARED_CACHE_ROWS,
  ...JOB_ROWS,
  ...LIMIT_ROWS,
  ...OPERATION_ROWS,
};

/** A row together with its name; the type of its value is not known here. */
export interface Row extends Setting<unknown> {
  readonly name: SettingName;
}

/** The table as a list. */
export const ROWS: readonly Row[] = Object.entries(TABLE).map(([name, setting]) => ({
  ...setting,
  name: name as SettingName,
}));

const byKey = new Map(ROWS.map((row) => [row.key, row]));
const byName = new Map(ROWS.map((row) => [row.name, row]));

/** Every key, in the order of the table. */
export const KEYS: readonly string[] = [...byKey.keys()];

/** The row of a key of server.conf, if there is one. */
export function rowOfKey(key: string): Row | undefined {
  return byKey.get(key);
}

/** The row of a setting. */
export function rowOf(name: SettingName): Row {
  return byName.get(name)!;
}

/** The rows of one section. */
export function rowsIn(section: Section): readonly Row[] {
  return ROWS.filter((row) => row.section === section);
}
