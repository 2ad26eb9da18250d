/**
 * The names that tokens have. One token covers a file and its compressed forms beside it (`app.js`, `app.js.br`),
 * because one answer comes from all of them. A directory has a token of its own, whose name ends with `/`: everything
 * that changes what is in it holds that one as a reader, whoever removes or moves it as a whole, as the writer.
 */

const SIDECAR = /\.(?:br|zst|gz)$/;

/**
 * The token of a file or directory below the document root.
 *
 * @param segments decoded names from the root down
 */
export function tokenNameOf(segments: readonly string[], isDirectory: boolean): string {
  const path = `/${segments.join('/')}`.normalize('NFC');
  if (isDirectory) return segments.length === 0 ? '/' : `${path}/`;
  return path.replace(SIDECAR, '');
}

/** The tokens of all directories that a file or directory lies in, from the root down. */
export function parentTokensOf(segments: readonly string[]): readonly string[] {
  return segments.map((_, depth) => tokenNameOf(segments.slice(0, depth), true));
}
