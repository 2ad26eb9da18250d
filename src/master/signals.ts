/**
 * What signals mean to the master (docs/signals.md prints this). A handler only passes on what is asked.
 *
 *     TERM, QUIT   graceful stop: responses in flight finish          INT    fast stop
 *     HUP          reload the configuration                           USR1   reopen the logs
 */
export interface SignalActions {
  stop(how: 'graceful' | 'fast'): unknown;
  reload(): unknown;
  reopenLogs(): unknown;
}

export function installSignals(actions: SignalActions): void {
  process.on('SIGTERM', () => actions.stop('graceful'));
  process.on('SIGQUIT', () => actions.stop('graceful'));
  process.on('SIGINT', () => actions.stop('fast'));
  process.on('SIGHUP', () => actions.reload());
  process.on('SIGUSR1', () => actions.reopenLogs());
}
