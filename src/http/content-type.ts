/**
 * What type a file is sent as, and whether it is worth compressing. Types come from the `mime` library;
 * the tables here say only where a file server's users need something else.
 */
import mime from 'mime';

const UNKNOWN = 'application/octet-stream';

/** By extension, before the library is asked. */
const BY_EXTENSION: ReadonlyMap<string, string> = new Map([
  // Scripts by whatever name: with `nosniff` a browser runs no other type.
  ['cjs', 'text/javascript'],
  // Its bytes are gzip, and they are sent without Content-Encoding.
  ['svgz', 'application/gzip'],
  ['tgz', 'application/gzip'],
  ['zst', 'application/zstd'],
  ['flac', 'audio/flac'],
  ['topojson', 'application/json'],
  // Source that the library does not know, or takes for something else: shown, not downloaded.
  ...['cts', 'diff', 'go', 'lock', 'patch', 'py', 'rb', 'rs', 'tsx', 'vue'].map(
    (extension): [string, string] => [extension, 'text/plain'],
  ),
]);

/** By whole name, for files without extension. Others may be anything, and are not guessed at. */
const BY_NAME: ReadonlyMap<string, string> = new Map([
  // Both must be JSON to those who ask for them below /.well-known/.
  ['apple-app-site-association', 'application/json'],
  ['openid-configuration', 'application/json'],
  ...[
    'authors',
    'changelog',
    'changes',
    'contributors',
    'copying',
    'dockerfile',
    'install',
    'licence',
    'license',
    'makefile',
    'news',
    'notice',
    'readme',
    'todo',
  ].map((name): [string, string] => [name, 'text/plain']),
]);

/** Text in all but the name; `text/*`, `+json` and `+xml` are known by their form. */
const TEXT = new Set(['application/javascript', 'application/json', 'application/xml']);

/** Not text by their name, but they shrink. */
const COMPRESSIBLE = new Set([
  'application/postscript',
  'application/rtf',
  'application/sql',
  'application/toml',
  'application/vnd.apple.mpegurl',
  'application/vnd.ms-fontobject',
  'application/wasm',
  'application/x-httpd-php',
  'application/x-sh',
  'application/x-subrip',
  'application/xml-dtd',
  'font/otf',
  'font/ttf',
  'image/bmp',
  'image/vnd.microsoft.icon',
  'image/x-icon',
]);

/**
 * Content-Type of the file at a decoded URL path. Text is declared to be UTF-8, whatever a file says of
 * itself: a header rule is the way to serve another encoding.
 *
 * `.ts` is video/mp2t, as registered and as other servers send it: a player of HLS may refuse another type,
 * while a TypeScript source is no worse off than downloaded, since no browser runs it.
 */
export function contentTypeOf(urlPath: string): string {
  const type = typeOfName(urlPath.slice(urlPath.lastIndexOf('/') + 1).toLowerCase());
  return isText(type) ? `${type}; charset=utf-8` : type;
}

/** Whether content of this type usually shrinks enough to be sent compressed. Parameters are ignored. */
export function isCompressible(contentType: string): boolean {
  const type = contentType.split(';', 1)[0]!.trim().toLowerCase();
  return isText(type) || COMPRESSIBLE.has(type);
}

function typeOfName(name: string): string {
  const dot = name.lastIndexOf('.');
  // A leading dot hides a file; it does not begin an extension.
  if (dot <= 0) return BY_NAME.get(name) ?? UNKNOWN;
  const extension = name.slice(dot + 1);
  return BY_EXTENSION.get(extension) ?? mime.getType(extension) ?? UNKNOWN;
}

function isText(type: string): boolean {
  return type.startsWith('text/') || TEXT.has(type) || /\+(?:json|xml)$/.test(type);
}
