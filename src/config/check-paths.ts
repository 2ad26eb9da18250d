/** Looks whether the paths in the settings exist and may be used, and the certificate. They may change later; this is for whoever starts it. */
import { accessSync, constants, realpathSync } from 'node:fs';
import { basename, dirname, join, relative, sep } from 'node:path';
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
  if (settings.jobsDir !== '') {
    blame('jobsDir', refuseJobsDirectory(settings, placed));
    if (settings.jobsReducer !== '') blame('jobsReducer', refuseFile(settings.jobsReducer, placed.cwd));
  }
  return mistakes;
}

/** The directory of the jobs: it is made when it is missing, and is for nobody's browser. */
function refuseJobsDirectory(settings: Settings, { unread, cwd }: Placed): What | undefined {
  const { jobsDir, documentRoot, dotfiles } = settings;
  const refusal = refuseMadeDirectory(jobsDir, cwd);
  if (refusal !== undefined || unread.has('documentRoot') || unread.has('dotfiles')) return refusal;
  const [jobs, site] = [realPath(jobsDir), realPath(documentRoot)];
  const hint = 'name a directory elsewhere';
  const names = namesBelow(site, jobs);
  if (names?.every((name) => dotfiles === 'serve' || !name.startsWith('.'))) {
    return { message: 'this lies in DOCUMENT_ROOT: parts and results would be served as files', hint };
  }
  if (names === undefined && namesBelow(jobs, site) !== undefined) {
    return { message: 'DOCUMENT_ROOT lies in it, and would be taken for a job', hint };
  }
  return undefined;
}

/** A directory that can be written, or made. */
function refuseMadeDirectory(path: string, cwd: string): What | undefined {
  const mode = constants.W_OK | constants.X_OK | constants.R_OK;
  let above = path;
  while (kindAt(above) === 'missing' && above !== dirname(above)) above = dirname(above);
  const what = refuseDirectory(above, mode, cwd);
  if (what === undefined || above === path) return what;
  return { ...what, message: `it cannot be made: ${shownPath(above, cwd)}: ${what.message}` };
}

/** With its links resolved, as far as it exists. */
function realPath(path: string): string {
  const kind = kindAt(path);
  const above = dirname(path);
  const cannotTell = (kind === 'missing' || kind === 'denied') && above !== path;
  return cannotTell ? join(realPath(above), basename(path)) : realpathSync(path);
}

/** The names that lead from a directory to a path; undefined when it does not lie there. Empty: it is the directory. */
function namesBelow(directory: string, path: string): readonly string[] | undefined {
  const names = relative(directory, path).split(sep);
  if (names[0] === '..') return undefined;
  return names[0] === '' ? [] : names;
}

function refuseFile(path: string, cwd: string): What | undefined {
  switch (kindAt(path)) {
    case 'file':
      return refuseAccess(path, constants.R_OK);
    case 'missing': {
      const near = nearestPath(path, 'file');
      const hint = near === undefined ? `nothing is at ${path}` : `did you mean ${shownPath(near, cwd)}?`;
      return { message: 'no such file', hint };
    }
    case 'denied':
      return { message: 'permission denied', hint: 'a directory on the way to it is closed to this user' };
    default:
      return { message: 'this is no file', hint: 'name a JavaScript module' };
  }
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
