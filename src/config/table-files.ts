/** Settings: what a URL path means on disk. */
import type { Rows } from './setting.js';
import { boolean, choice } from './values.js';
import { fileNames, urlPath } from './values-paths.js';
import { errorPages } from './values-rules.js';

const section = 'Files';

export const FILE_ROWS: Rows<
  'indexFiles' | 'autoindex' | 'cleanUrls' | 'spa' | 'dotfiles' | 'followSymlinks' | 'errorPages'
> = {
  indexFiles: {
    key: 'INDEX_FILES',
    section,
    type: fileNames,
    default: 'index.html index.htm',
    summary: 'Files that answer for their directory, in order of preference',
    example: 'index.html',
  },
  autoindex: {
    key: 'AUTOINDEX',
    section,
    type: boolean,
    default: 'off',
    summary: 'List directories that have no index file',
    details: 'As a page, or as JSON for clients that accept `application/json`.',
    example: 'on',
  },
  cleanUrls: {
    key: 'CLEAN_URLS',
    section,
    type: boolean,
    default: 'off',
    summary: 'Serve /about.html as /about, and redirect there',
    example: 'on',
  },
  spa: {
    key: 'SPA',
    section,
    type: urlPath('/index.html'),
    default: 'off',
    summary: 'Page for what is not found, for single-page applications',
    details:
      'Only clients that accept HTML get it, so that a missing script is still a 404. `on` means `/index.html`. ' +
      'The flag may stand alone: `--spa`.',
    example: '/app.html',
  },
  dotfiles: {
    key: 'DOTFILES',
    section,
    type: choice(['hide', 'serve']),
    default: 'hide',
    summary: 'Files and directories whose names begin with a dot',
    details: 'Hidden ones are not found and not listed. `/.well-known` is always served.',
    example: 'serve',
  },
  followSymlinks: {
    key: 'FOLLOW_SYMLINKS',
    section,
    type: choice(['inside', 'always', 'never']),
    default: 'inside',
    summary: 'Symbolic links to follow',
    details: '`inside`: those whose target lies below the document root.',
    example: 'never',
  },
  errorPages: {
    key: 'ERROR_PAGE',
    section,
    type: errorPages,
    default: '404 /404.html',
    summary: 'Page for an error status; may be repeated',
    details:
      'Statuses, then the URL path of the page, percent-encoded as in a request. A page that does not exist is ' +
      'not used. The first ERROR_PAGE of your own replaces the default.',
    example: '500 503 /sorry.html',
  },
};
