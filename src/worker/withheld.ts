/** The server's own files, which may lie in the document root. */
import type { Settings } from '../config/settings.js';
import { statsPaths } from '../stats/writer.js';

/** Absolute paths of files that are never served as files of the site, nor written. */
export function withheldFiles(statsFile: string, hasTls: boolean, { tlsKey }: Settings): readonly string[] {
  return [...Object.values(statsPaths(statsFile)), ...(hasTls ? [tlsKey] : [])];
}
