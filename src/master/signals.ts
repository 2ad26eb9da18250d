/**
 * What signals mean to the master (docs/signals.md prints this). A handler only passes on what is asked.
 *
 *     TERM, QUIT   graceful stop: responses in flight finish          INT    fast stop
 *     HUP          reload the configuration                           USR1   reopen the logs
 *     TTIN         one more worker                                    TTOU   one less
 *     USR2         nothing: by default it would end the process
 */
export interface SignalActions {
  stop(how: 'graceful' | 'fast'): unknown;
  reload(): unknown;
  reopenLogs(): unknown;
  resize(by: 1 | -1): unknown;
}

/** Returns what takes the handlers away again. */
export function installSignals(actions: SignalActions): () => void {
  const handlers = {
    SIGTERM: () => actions.stop('graceful'),
    SIGQUIT: () => actions.stop('graceful'),
    SIGINT: () => actions.stop('fast'),
    SIGHUP: () => actions.reload(),
    SIGUSR1: () => actions.reopenLogs(),
    SIGTTIN: () => actions.resize(1),
    SIGTTOU: () => actions.resize(-1),
    SIGUSR2: () => undefined,
  };
  for (const [signal, handler] of Object.entries(handlers)) process.on(signal, handler);
  return () => {
    for (const [signal, handler] of Object.entries(handlers)) process.off(signal, handler);
  };
}
