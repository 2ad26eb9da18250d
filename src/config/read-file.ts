/** Opens a configuration file. What stands in it is parse-file.ts's business. */
import { readFileSync, statSync } from 'node:fs';
import { messageOf, systemCode } from '../errors.js';
import { shownPath } from './assignment.js';
import type { ConfigMistake } from './mistake.js';
import { nearestPath } from './near-path.js';
import { type ParsedFile, parseFile } from './parse-file.js';

/** Configurations are short; what is larger is some other file. */
const LARGEST_BYTES = 1 << 20;

/** Reads and parses a configuration; a file that cannot be read is one mistake. `file` is absolute. */
export function readConfigFile(file: string, cwd: string): ParsedFile {
  const refuse = (message: string, hint?: string): ParsedFile => {
    const mistake: ConfigMistake = { source: shownPath(file, cwd), key: '', message, hint, unreadable: true };
    return { assignments: [], mistakes: [mistake] };
  };
  try {
    const stat = statSync(file);
    if (stat.isDirectory()) return refuse('this is a directory, not a configuration file');
    if (stat.size > LARGEST_BYTES) return refuse('larger than 1 MB: this is no configuration file');
    return parseFile(readFileSync(file), file, cwd);
  } catch (error) {
    switch (systemCode(error)) {
      case 'ENOENT':
      case 'ENOTDIR': {
        const near = nearestPath(file, 'file');
        return refuse('no such file', near && `did you mean ${shownPath(near, cwd)}?`);
      }
      case 'EACCES':
        return refuse('permission denied', `make it readable for the user who starts the server`);
      default:
        return refuse(messageOf(error));
    }
  }
}
