/**
 * The settings as the program uses them: parsed, validated once, frozen, passed down. The table that
 * produces them, with every key's default, validator and description, is `table.ts`.
 */

/** A rule that adds a response field to the paths that match a glob (picomatch, against the URL path). */
export interface HeaderRule {
  readonly pattern: string;
  readonly name: string;
  readonly value: string;
}

/** A rule that sets Cache-Control on the paths that match a glob. The first that matches wins. */
export interface CacheControlRule {
  readonly pattern: string;
  readonly value: string;
}

/** The page (a URL path below the document root) that is sent with an error status. */
export interface ErrorPage {
  readonly status: number;
  readonly path: string;
}

/** Paths below a prefix are answered by upstreams: http or https URLs that stand in for one another. */
export interface ProxyRule {
  readonly prefix: string;
  readonly upstreams: readonly string[];
}

export type LogFormat = 'combined' | 'json';
export type DotfilePolicy = 'hide' | 'serve';
/** `inside`: a link is followed while its target stays below the document root. */
export type SymlinkPolicy = 'inside' | 'always' | 'never';
export type TransportChoice = 'auto' | 'native' | 'portable';
/** `off`, `on` (to the port in TLS_PORT), or the port that clients are sent to. */
export type TlsRedirect = 'off' | 'on' | number;

/** Every setting, by its key in camel case. Paths are absolute; units stand in the names. */
export interface Settings {
  readonly port: number;
  /** An address, a name, or `unix:` and an absolute path: then the port is not used. */
  readonly host: string;
  /** Where GetFile is spoken, on the same host. */
  readonly getfilePort: number | 'off';
  /** Connections that the kernel keeps until they are accepted. */
  readonly backlog: number;
  readonly documentRoot: string;
  readonly numWorkers: number;
  readonly threadsPerWorker: number;
  readonly maxConnections: number;
  readonly maxQueueSize: number;
  readonly transport: TransportChoice;
  /** A connection is accepted when its first bytes are there. */
  readonly deferAccept: boolean;

  /** Paths; `''`: TLS is off. */
  readonly tlsCert: string;
  readonly tlsKey: string;
  readonly tlsPort: number;
  readonly tlsRedirect: TlsRedirect;

  readonly indexFiles: readonly string[];
  readonly autoindex: boolean;
  readonly cleanUrls: boolean;
  /** URL path of the page sent for what is not found to clients that accept HTML; `''`: off. */
  readonly spa: string;
  readonly dotfiles: DotfilePolicy;
  readonly followSymlinks: SymlinkPolicy;
  readonly errorPages: readonly ErrorPage[];
  readonly cacheControl: readonly CacheControlRule[];
  readonly headers: readonly HeaderRule[];
  /** Origins that may read responses; `['*']`: any; empty: CORS off. */
  readonly cors: readonly string[];
  readonly compress: boolean;
  readonly serverTiming: boolean;

  readonly cacheSizeMb: number;
  readonly cacheMaxFileKb: number;
  readonly cacheRevalidateMs: number;

  /** Patterns of paths that clients may write; empty: none. */
  readonly writable: readonly string[];
  readonly webdav: boolean;
  /** `''`: there is none. */
  readonly writeToken: string;
  /** 0: no bound. */
  readonly writeMaxMb: number;
  readonly tokenTtlSeconds: number;
  readonly tokenWaitSeconds: number;

  readonly proxy: readonly ProxyRule[];
  readonly proxyTimeoutSeconds: number;
  readonly proxyConnectTimeoutSeconds: number;
  /** 0: no bound. */
  readonly proxyMaxBodyMb: number;
  readonly proxyMaxConnections: number;
  /** For each worker; 0: nothing is stored. */
  readonly proxyCacheMb: number;
  readonly proxyCacheMaxObjectKb: number;
  readonly proxyCacheStaleSeconds: number;

  /** 0: there is no shared cache. */
  readonly sharedCacheMb: number;
  readonly sharedCacheSegments: number;
  readonly sharedCacheSegmentKb: number;
  /** A path; `''`: the server starts a cache process of its own. */
  readonly sharedCacheSocket: string;

  /** A path; `''`: there are no jobs. */
  readonly jobsDir: string;
  /** Where parts of jobs come in without HTTP, on the same host. */
  readonly jobsPort: number | 'off';
  /** `''`: everybody may. */
  readonly jobsToken: string;
  /** Path of the module that is the reducer `module`; `''`: there is none. */
  readonly jobsReducer: string;
  readonly jobsMax: number;
  readonly jobsMaxParts: number;
  readonly jobsMaxPartMb: number;
  readonly jobsMaxJobMb: number;
  readonly jobsIdleSeconds: number;
  /** Of each worker, for reducers. */
  readonly jobsThreads: number;

  /** Idle keep-alive timeout. */
  readonly timeoutSeconds: number;
  readonly headerTimeoutSeconds: number;
  readonly bodyTimeoutSeconds: number;
  readonly writeTimeoutSeconds: number;
  readonly drainTimeoutSeconds: number;
  readonly maxUrlBytes: number;
  readonly maxHeaderKb: number;
  readonly maxBodyKb: number;

  /** A path; `-`: standard output; `''`: off. */
  readonly logFile: string;
  readonly logFormat: LogFormat;
  /** A path; `''`: in the server's own run-time directory. */
  readonly statsFile: string;
  readonly statsIntervalMs: number;
  /** Addresses and CIDR blocks, and `unix:` for the clients of a Unix-domain socket; `['all']`: anyone. */
  readonly statsAllow: readonly string[];
  /** URL path of the quiet health check; `''`: off. */
  readonly healthPath: string;
  /** A path; `''`: in the run-time directory of the user. */
  readonly pidFile: string;
}
