/**
 * A directory listing as an HTML page: one document without external parts, usable without its script.
 * Pure; what is listed is decided in listing.ts, looks and behaviour stand in listing-assets.ts.
 */
import { createHash } from 'node:crypto';
import { contentTypeOf } from '../http/content-type.js';
import { escapeHtml } from '../http/html.js';
import type { Listing, ListingEntry } from './listing.js';
import { SCRIPT, STYLE } from './listing-assets.js';
import { encodeSegment } from './paths.js';

/** Only the page's own style and script run, whatever a file's name may smuggle in. */
const POLICY = [
  `default-src 'none'`,
  'img-src data:',
  `style-src '${integrity(STYLE)}'`,
  `script-src '${integrity(SCRIPT)}'`,
  `base-uri 'none'`,
  `form-action 'none'`,
].join('; ');

/**
 * Characters that would be invisible, or move or reorder the text around them: controls, line and
 * paragraph separators, bidirectional controls, zero-width ones but for the joiners that emoji and
 * several scripts need.
 */
const UNSEEN = /[\x00-\x1f\x7f-\x9f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]/gu;

/** The whole page. */
export function renderListing({ path, entries, truncated }: Listing): string {
  const rows = entries.map(row).join('\n');
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Index of ${escapeHtml(path.replace(UNSEEN, '\ufffd'))}</title>
<link rel="icon" href="data:,">
<style>${STYLE}</style>
</head>
<body>
<header>
<h1 class="away">Index of ${escapeHtml(path.replace(UNSEEN, '\ufffd'))}</h1>
<nav aria-label="Path">${breadcrumb(path)}</nav>
<div class="tools">
<p class="sum" role="status">${summary(entries)}</p>
<input type="search" placeholder="Filter" aria-label="Filter by name" aria-keyshortcuts="/" autocomplete="off" spellcheck="false" hidden>
</div>
</header>
<main>
${truncated ? `<p class="note" role="note">This directory holds more than is shown here: these are ${grouped(entries.length)} of its entries.</p>` : ''}
<table>
<caption class="away">Contents of ${escapeHtml(path.replace(UNSEEN, '\ufffd'))}</caption>
<thead><tr><th scope="col" aria-sort="ascending">Name</th><th scope="col">Size</th><th scope="col">Modified <small>UTC</small></th></tr></thead>
${path === '/' ? '' : '<tbody class="up"><tr><td colspan="3"><a href="../">Parent directory</a></td></tr></tbody>'}
<tbody id="entries">
${rows}
</tbody>
</table>
<p class="none"${entries.length === 0 ? '' : ' hidden'}>${entries.length === 0 ? 'This directory is empty.' : 'No name matches.'}</p>
</main>
<script>${SCRIPT}</script>
</body>
</html>
`;
}

/** Bytes for a person, in decimal units: `999 B`, `1.5 kB`, `12 MB`. Pure. */
export function humanSize(sizeBytes: number): string {
  if (sizeBytes < 1000) return `${sizeBytes} B`;
  let value = sizeBytes;
  for (const unit of ['kB', 'MB', 'GB', 'TB', 'PB']) {
    value /= 1000;
    // Judged as it will be printed, so that nothing reads `1000 kB` or `10.0 MB`.
    if (value < 9.95) return `${value.toFixed(1)} ${unit}`;
    if (value < 999.5 || unit === 'PB') return `${Math.round(value)} ${unit}`;
  }
  return '';
}

/** A name for display: escaped, isolated from the direction of its surroundings, the unseen made visible. Pure. */
export function displayName(name: string): string {
  const visible = escapeHtml(name).replace(UNSEEN, (char) => {
    const code = char.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0');
    return `<span class="code" title="U+${code}">${code}</span>`;
  });
  return `<bdi>${visible}</bdi>`;
}

function row({ name, type, sizeBytes, modified }: ListingEntry): string {
  const slash = type === 'directory' ? '/' : '';
  // `./` keeps a name like `a:b` from being read as a scheme (RFC 3986 section 4.2).
  const href = escapeHtml(`./${encodeSegment(name)}${slash}`);
  const size =
    sizeBytes === null
      ? '<td data-size="-1"></td>'
      : `<td data-size="${sizeBytes}" title="${grouped(sizeBytes)} bytes">${humanSize(sizeBytes)}</td>`;
  const shown = `${modified.slice(0, -14)} <span>${modified.slice(-13, -8)}</span>`;
  return `<tr class="${kindOf(name, type)}"><td><a href="${href}">${displayName(name)}${slash}</a></td>${size}<td><time datetime="${modified}">${shown}</time></td></tr>`;
}

/** The icon's name. */
function kindOf(name: string, type: 'directory' | 'file'): string {
  if (type === 'directory') return 'dir';
  const [group, kind = ''] = contentTypeOf(name).split(/[/;]/);
  if (group === 'image') return 'image';
  if (group === 'audio' || group === 'video') return 'media';
  if (/zip|tar|compressed|zstd|7z|rar/.test(kind)) return 'archive';
  return group === 'text' || /json|xml|pdf|script/.test(kind) ? 'text' : 'file';
}

function breadcrumb(path: string): string {
  const names = path.split('/').filter((name) => name !== '');
  const crumbs = names.map((name, index) => {
    // Relative, so that they stay right behind a proxy that serves this site below another path.
    const up = names.length - 1 - index;
    return up === 0
      ? `<span aria-current="page">${displayName(name)}</span>`
      : `<a href="${'../'.repeat(up)}">${displayName(name)}</a>`;
  });
  const root =
    names.length === 0
      ? '<span aria-current="page">Home</span>'
      : `<a href="${'../'.repeat(names.length)}">Home</a>`;
  return [root, ...crumbs].join('<i aria-hidden="true">/</i>');
}

function summary(entries: readonly ListingEntry[]): string {
  const files = entries.filter((entry) => entry.type === 'file');
  const bytes = files.reduce((sum, entry) => sum + (entry.sizeBytes ?? 0), 0);
  const folders = entries.length - files.length;
  const parts = [
    ...(folders > 0 ? [`${grouped(folders)} ${folders === 1 ? 'folder' : 'folders'}`] : []),
    ...(files.length > 0 ? [`${grouped(files.length)} ${files.length === 1 ? 'file' : 'files'}`] : []),
    ...(files.length > 0 ? [humanSize(bytes)] : []),
  ];
  return parts.join(' · ');
}

function grouped(count: number): string {
  return count.toLocaleString('en-US');
}

function integrity(source: string): string {
  return `sha256-${createHash('sha256').update(source).digest('base64')}`;
}
