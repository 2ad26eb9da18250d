/**
 * Plain files below a directory, served through segments: what `handover cached --root` adds. A path is bytes as on
 * disk; nothing is decoded.
 */
import { isUtf8 } from 'node:buffer';
import { realpathSync, statSync } from 'node:fs';
import { systemCode } from '../errors.js';
import { type Boundary, openFile, pathBelow } from '../files/safety.js';
import { FileContent } from './content.js';
import { STATUS } from './segment.js';

/** PATH_MAX of Linux, in bytes. */
const MAX_PATH_BYTES = 4096;

export interface OpenedFile {
  readonly content: FileContent;
  readonly mtimeMs: number;
}

export class FileRoot {
  readonly #boundary: Boundary;

  /** @throws the system's error when there is no such directory */
  constructor(root: string) {
    this.#boundary = { root: realpathSync.native(root), followSymlinks: 'inside', withheld: [] };
  }

  /**
   * A file, or the status that says why there is none: 400 for a path that can name nothing, 414 for one that is too
   * long, 404 for what is not there, 403 for what is no file or lies outside.
   */
  open(path: Buffer): OpenedFile | number {
    if (path.length > MAX_PATH_BYTES) return STATUS.tooLong;
    if (path[0] !== 0x2f || path.includes(0) || !isUtf8(path)) return STATUS.badRequest;
    const segments = path
      .toString('utf8')
      .split('/')
      .filter((name) => name !== '' && name !== '.');
    // Climbing is not resolved: nobody who means well asks so.
    if (segments.includes('..')) return STATUS.missing;
    const name = pathBelow(this.#boundary.root, segments);
    try {
      const opened = openFile(name, this.#boundary);
      if (opened === undefined) return isThere(name) ? STATUS.forbidden : STATUS.missing;
      return { content: new FileContent(opened), mtimeMs: Number(opened.stat.mtimeMs) };
    } catch (error) {
      return systemCode(error) === 'EACCES' ? STATUS.forbidden : STATUS.broken;
    }
  }
}

function isThere(name: string): boolean {
  try {
    return statSync(name, { throwIfNoEntry: false }) !== undefined;
  } catch {
    // What cannot be looked at is not there for anybody.
    return false;
  }
}
