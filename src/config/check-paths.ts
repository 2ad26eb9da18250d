/** Looks whether the paths in the settings exist and may be used, and the certificate. They may change later; this is for whoever starts it. */
import { accessSync, constants } from 'node:fs';
import { dirname } from 'node:path';
import { systemCode } from '../errors.js';
import { shownPath } from './assignment.js';
import { readKeyPair, wantsTls } from './certificate.js';
import type { ConfigMistake } from './mistake.js';
import { kindAt, nearestPath } from './near-path.js';
import { mistakeIn, type Placed } from './place.js';
import type { SettingName } from './setting.js';
import type { Settings } from './settings.js';

type What = Pick<ConfigMistake, 'message' | 'hint'>;

/** The mistakes in paths, `unreadable` but for those in what stands in a file. */
export function checkPaths(settings: Settings, placed: Placed): ConfigMistake[] {
  const mistakes: ConfigMistake[] = [];
  const blame = (name: SettingName, what: What | undefined): void => {
    if (what !== undefined) mistakes.push(mistakeIn(name, placed, { ...what, unreadable: true }));
  };
  if (!placed.unread.has('documentRoot')) {
    const mode = constants.R_OK | constants.X_OK;
    blame('documentRoot', refuseDirectory(settings.documentRoot, mode, placed.cwd));
  }
  for (const name of ['logFile', 'statsFile', 'pidFile'] as const) {
    const path = settings[name];
    if (path !== '' && path !== '-') blame(name, refuseOutput(path, placed.cwd));
  }
  if (wantsTls(settings)) {
    const pair = readKeyPair(settings);
    if ('mistakes' in pair) {
      for (const { name, ...what } of pair.mistakes) mistakes.push(mistakeIn(name, placed, what));
    }
  }
  return mistakes;
}

function refuseDirectory(path: string, mode: number, cwd: string): What | undefined {
  switch (kindAt(path)) {
    case 'directory':
      return refuseAccess(path, mode);
    case 'missing': {
      const near = nearestPath(path, 'directory');
      if (near !== undefined)
        return { message: 'no such directory', hint: `did you mean ${shownPath(near, cwd)}?` };
      const hint = /(?:^|\/)~/.test(path)
        ? '~ means nothing here: write the whole path'
        : `nothing is at ${path}`;
      return { message: 'no such directory', hint };
    }
    case 'denied':
      return { message: 'permission denied', hint: 'a directory on the way to it is closed to this user' };
    default:
      return { message: 'this is not a directory', hint: `did you mean ${shownPath(dirname(path), cwd)}?` };
  }
}

/** A file that will be written: it need not exist, its directory must. */
function refuseOutput(path: string, cwd: string): What | undefined {
  const kind = kindAt(path);
  if (kind === 'directory') return { message: 'this is a directory', hint: 'name a file in it' };
  // A device or pipe (/dev/stderr) is written in place, and needs nothing of its directory.
  if (kind === 'other') return undefined;
  const directory = dirname(path);
  const what = refuseDirectory(directory, constants.W_OK | constants.X_OK, cwd);
  if (what === undefined) return undefined;
  return { ...what, message: `its directory ${shownPath(directory, cwd)}: ${what.message}` };
}

function refuseAccess(path: string, mode: number): What | undefined {
  try {
    accessSync(path, mode);
    return undefined;
  } catch (error) {
    const may = mode & constants.W_OK ? 'written' : 'read';
    return {
      message: `cannot be ${may} (${systemCode(error)})`,
      hint: 'change its permissions, or the user who starts it',
    };
  }
}
