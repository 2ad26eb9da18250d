/** How mistakes reach a person, and the exit code they lead to. */
import { COMMAND_LINE, type ConfigMistake, formatMistake } from '../config/mistake.js';
import { EXIT, type ExitCode } from '../errors.js';
import type { Terminal } from './terminal.js';

/**
 * What is missing on disk counts only when nothing is written wrongly; the command line is to blame only
 * when nothing else is.
 */
export function exitCodeOf(mistakes: readonly ConfigMistake[]): ExitCode {
  const written = mistakes.filter((mistake) => !mistake.unreadable);
  if (written.length === 0) return mistakes.length === 0 ? EXIT.ok : EXIT.cannotRead;
  return written.every(({ source }) => source === COMMAND_LINE) ? EXIT.usage : EXIT.badConfig;
}

/** Prints each mistake on its line. */
export function reportMistakes(mistakes: readonly ConfigMistake[], terminal: Terminal): ExitCode {
  for (const mistake of mistakes) terminal.err(`${formatMistake(mistake)}\n`);
  return exitCodeOf(mistakes);
}
