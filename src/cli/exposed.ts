/** Warns of files that anybody could fetch although nobody means to serve them. Pure. */
import { isAbsolute, relative, sep } from 'node:path';
import { shownPath } from '../config/assignment.js';
import type { LoadedSettings } from '../config/load.js';
import type { Settings } from '../config/settings.js';

/** A line for each file of the server itself that lies below the directory it serves. */
export function exposedFiles({ settings, configFile }: LoadedSettings, cwd: string): string[] {
  const files: readonly (readonly [string, string])[] = [
    ['the configuration', configFile ?? ''],
    ['the access log', settings.logFile],
    ['the pid file', settings.pidFile],
    ['the private key', settings.tlsKey],
  ];
  return files
    .filter(([, path]) => path !== '' && path !== '-' && isServed(path, settings))
    .map(([what, path]) => `${what} ${shownPath(path, cwd)} lies in the directory that is served`);
}

function isServed(path: string, { documentRoot, dotfiles }: Settings): boolean {
  const below = relative(documentRoot, path);
  if (below === '..' || below.startsWith(`..${sep}`) || isAbsolute(below)) return false;
  return dotfiles === 'serve' || !below.split(sep).some((name) => name.startsWith('.'));
}
