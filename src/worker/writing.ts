/** A worker's part in writing: its tokens, and what of HTTP goes by them. */
import { compilePattern } from '../config/glob.js';
import type { Settings } from '../config/settings.js';
import { DavSite } from '../dav/site.js';
import { refusalOfClient } from '../files/writing/authorization.js';
import { WritingSite } from '../files/writing/site.js';
import { TokenSite } from '../files/writing/token-site.js';
import type { Forwarder } from '../http/forwarded.js';
import type { TokensToMaster } from '../tokens/messages.js';
import { WorkerTokens } from './token-link.js';

export interface WorkerWritingOptions {
  readonly settings: Settings;
  /** Absolute paths of files that are the server's own. */
  readonly withheld: readonly string[];
  /** False when there is no master to be told. */
  readonly send: (message: TokensToMaster) => boolean;
  /** One line for the server's log. */
  readonly report: (problem: string) => void;
}

export class WorkerWriting {
  readonly tokens: WorkerTokens;
  /** Tokens and locks over HTTP. */
  readonly tokenSite: TokenSite;
  /** Changes of files, each for what the ones before it leave. */
  readonly sites: readonly Forwarder[];

  /** Takes part from now on. */
  constructor({ settings, withheld, send, report }: WorkerWritingOptions) {
    const { writeToken, tokenWaitSeconds, tokenTtlSeconds, writeMaxMb, webdav } = settings;
    const tokens = new WorkerTokens({ ttlMs: tokenTtlSeconds * 1000, send });
    const writable = settings.writable.map(compilePattern);
    this.tokens = tokens;
    this.tokenSite = new TokenSite({
      locks: tokens.locks,
      authorize: async (head, asker) => refusalOfClient(head, asker, writeToken),
      defaults: { waitSeconds: tokenWaitSeconds, ttlSeconds: tokenTtlSeconds },
      report,
    });
    const options = {
      rules: {
        ...settings,
        withheld,
        isWritable: (path: string) => writable.some((matches) => matches(path)),
      },
      tokens: tokens.manager,
      session: () => tokens.sessionId,
      token: writeToken,
      maxHashedBytes: settings.cacheMaxFileKb * 1024,
      waitMs: tokenWaitSeconds * 1000,
      report,
    };
    const maxBodyBytes = writeMaxMb === 0 ? Number.POSITIVE_INFINITY : writeMaxMb * 2 ** 20;
    const dav = webdav ? new DavSite(options) : undefined;
    const writing = new WritingSite({ ...options, maxBodyBytes, companion: dav?.companion });
    this.sites = dav === undefined ? [writing] : [dav, writing];
  }
}
