/** One row of the table of settings, and the names it goes by. */
import type { Settings } from './settings.js';
import type { ValueType } from './value-type.js';

export type SettingName = keyof Settings;

/** In the order of the help and the docs. */
export const SECTIONS = [
  'Network and processes',
  'TLS and HTTP/2',
  'Files',
  'Responses',
  'Cache',
  'Writing',
  'Proxy',
  'Jobs',
  'Timeouts and limits',
  'Logs, statistics and control',
] as const;

export type Section = (typeof SECTIONS)[number];

export interface Setting<T> {
  /** As written in server.conf. */
  readonly key: string;
  readonly section: Section;
  readonly type: ValueType<T>;
  /** The default, as one would write it. */
  readonly default: string;
  /** The default when the server runs without a configuration file, where that differs. */
  readonly defaultWithoutFile?: string;
  /** One line without a full stop, for the help. */
  readonly summary: string;
  /** What else there is to know, for the reference page: Markdown, full sentences. */
  readonly details?: string;
  /** A value worth showing, as one would write it. */
  readonly example: string;
  /** The value is for no log: what a reload changed of it is not shown. */
  readonly isSecret?: boolean;
}

/** A row for each setting: a missing or a needless one does not compile. */
export type Table = { readonly [Name in SettingName]: Setting<Settings[Name]> };

/** The table's rows of one section. */
export type Rows<Names extends SettingName> = Pick<Table, Names>;

/** `--num-workers` for `NUM_WORKERS`. */
export function flagOf(key: string): string {
  return `--${key.toLowerCase().replaceAll('_', '-')}`;
}

/** Begins the name of every environment variable that is read. */
export const ENVIRONMENT_PREFIX = 'HANDOVER_';

/** `HANDOVER_NUM_WORKERS` for `NUM_WORKERS`. */
export function variableOf(key: string): string {
  return ENVIRONMENT_PREFIX + key;
}
