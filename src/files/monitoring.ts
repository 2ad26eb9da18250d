/**
 * What a server says of itself over HTTP: the statistics files that the master writes, the dashboard
 * page, and the health check. None of it is counted among the site's requests, and none of it is cached.
 */
import { readFile } from 'node:fs/promises';
import { BlockList, isIPv4, isIPv6 } from 'node:net';
import { dirname, join, relative, sep } from 'node:path';
import { UNIX_CLIENT } from '../config/socket-path.js';
import { systemCode } from '../errors.js';
import { errorReply, textReply } from '../http/error-reply.js';
import type { Reply } from '../http/reply.js';
import { statsPaths } from '../stats/writer.js';
import { parsePath } from './paths.js';

export interface MonitoringSettings {
  readonly documentRoot: string;
  /** Absolute path of the statistics file; its companions lie beside it. */
  readonly statsFile: string;
  readonly statsAllow: readonly string[];
  readonly healthPath: string;
  /** The directory with the dashboard as shipped. */
  readonly dashboardRoot: string;
}

interface Page {
  readonly path: string;
  readonly contentType: string;
  /** Only for addresses in STATS_ALLOW. */
  readonly guarded: boolean;
}

/** The statistics: their files, as `statsPaths` names them, and the paths they are served under. */
const STATISTICS = [
  { file: 'statFile', urlPaths: ['/statFile.txt'], contentType: 'text/plain; charset=utf-8' },
  { file: 'json', urlPaths: ['/stats.json'], contentType: 'application/json; charset=utf-8' },
  {
    file: 'metrics',
    urlPaths: ['/metrics', '/metrics.txt'],
    contentType: 'text/plain; version=0.0.4; charset=utf-8',
  },
] as const;

export class Monitoring {
  /** Answered before the document root is looked at: our own files in it. */
  readonly #own = new Map<string, Page>();
  /** Answered when the document root has nothing of that name. */
  readonly #fallback = new Map<string, Page>();
  readonly #healthPath: string;
  readonly #allow: BlockList | undefined;
  readonly #allowUnix: boolean;

  constructor(settings: MonitoringSettings) {
    this.#healthPath = settings.healthPath;
    this.#allowUnix = settings.statsAllow.includes(UNIX_CLIENT);
    this.#allow = settings.statsAllow.includes('all')
      ? undefined
      : blockListOf(settings.statsAllow.filter((block) => block !== UNIX_CLIENT));
    const paths = statsPaths(settings.statsFile);
    const below = relative(settings.documentRoot, dirname(settings.statsFile));
    const isInside = below !== '..' && !below.startsWith(`..${sep}`);
    for (const { file, urlPaths, contentType } of STATISTICS) {
      const path = paths[file];
      const page = { path, contentType, guarded: true };
      for (const urlPath of urlPaths) this.#fallback.set(urlPath, page);
      if (isInside) this.#own.set(`/${relative(settings.documentRoot, path).split(sep).join('/')}`, page);
    }
    this.#fallback.set('/statsPage.html', {
      path: join(settings.dashboardRoot, 'statsPage.html'),
      contentType: 'text/html; charset=utf-8',
      guarded: false,
    });
  }

  /** True for a path under which the server tells of itself, unless the document root has something there. */
  speaksOf(path: string): boolean {
    return path === this.#healthPath || this.#fallback.has(path) || this.#own.has(plainPath(path));
  }

  /** The reply to a path that is ours whatever the document root holds; undefined for all others. */
  own(path: string, address: string, headOnly: boolean): Promise<Reply> | Reply | undefined {
    if (path === this.#healthPath) {
      return textReply(200, 'text/plain; charset=utf-8', 'ok\n', { headOnly, monitoring: true });
    }
    const page = this.#own.size === 0 ? undefined : this.#own.get(plainPath(path));
    return page === undefined ? undefined : this.#reply(page, address, headOnly);
  }

  /** The reply to a path under which the document root has nothing. */
  fallback(path: string, address: string, headOnly: boolean): Promise<Reply> | undefined {
    const page = this.#fallback.get(path);
    return page === undefined ? undefined : this.#reply(page, address, headOnly);
  }

  async #reply(page: Page, address: string, headOnly: boolean): Promise<Reply> {
    const options = { headOnly, monitoring: page.guarded };
    if (page.guarded && !this.#allows(address)) {
      return errorReply(403, 'The statistics are not open to your address (STATS_ALLOW).', options);
    }
    try {
      return textReply(200, page.contentType, await readFile(page.path), options);
    } catch (error) {
      return errorReply(503, `The statistics cannot be read (${systemCode(error)}).`, options);
    }
  }

  #allows(address: string): boolean {
    if (this.#allow === undefined) return true;
    if (address === UNIX_CLIENT) return this.#allowUnix;
    const plain = address.startsWith('::ffff:') ? address.slice('::ffff:'.length) : address;
    if (isIPv4(plain)) return this.#allow.check(plain, 'ipv4');
    return isIPv6(address) && this.#allow.check(address, 'ipv6');
  }
}

/** The path as the document root would read it: whoever spells it in another way gets no other answer. */
function plainPath(rawPath: string): string {
  const parsed = parsePath(rawPath, 'serve');
  return typeof parsed === 'string' ? rawPath : `/${parsed.segments.join('/')}`;
}

function blockListOf(blocks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const block of blocks) {
    const [address, bits] = block.split('/');
    const family = isIPv6(address!) ? 'ipv6' : 'ipv4';
    if (bits === undefined) list.addAddress(address!, family);
    else list.addSubnet(address!, Number(bits), family);
  }
  return list;
}
