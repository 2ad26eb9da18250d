/** What the benchmark knows of a server that takes part: whether it is here, and how it is started. */

export interface Contender {
  /** Short, for flags and tables. */
  readonly name: string;
  readonly title: string;
  /** How it is run, and what it does not do. One line of Markdown. */
  readonly about: string;
  find(): Found;
  /** What starts it; writes what configuration it needs into `workDirectory`. */
  launch(task: LaunchTask): Launch;
}

export type Found =
  | { readonly present: true; readonly version: string }
  /** `remedy`: how to get it. */
  | { readonly present: false; readonly remedy: string };

export interface LaunchTask {
  /** The directory to serve. */
  readonly site: string;
  /** For the server alone, and empty. */
  readonly workDirectory: string;
  /** Free on 127.0.0.1. */
  readonly port: number;
  readonly workers: number;
  /** True: every request is logged to a file. */
  readonly accessLog: boolean;
}

export interface Launch {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** True: it chooses a port itself and sends `{ port }` over node's IPC channel. */
  readonly reportsPort?: boolean;
}
