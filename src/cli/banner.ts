/** What is printed when the server is ready. Pure. */
import { isIPv6 } from 'node:net';
import { socketPathOf } from '../config/socket-path.js';

export interface SiteAddress {
  readonly host: string;
  readonly port: number;
  readonly secure?: boolean;
}

export interface BannerFacts {
  readonly version: string;
  /** The directory served, as it is best shown. */
  readonly directory: string;
  /** What the server listens on. */
  readonly addresses: readonly SiteAddress[];
  /** An address of this machine that others can reach, if it has one. */
  readonly networkAddress: string | undefined;
  /** URL path of the dashboard; undefined when nobody may see it. */
  readonly dashboardPath: string | undefined;
  readonly workers: number;
  readonly threadsPerWorker: number;
  readonly transport: string;
  /** As it is best shown. */
  readonly configFile: string | undefined;
  /** Whole lines about what was decided or looks unwanted. */
  readonly notes: readonly string[];
}

export interface SiteUrls {
  /** For browsers on this machine. */
  readonly local: string | undefined;
  /** For browsers elsewhere. */
  readonly network: string | undefined;
}

/** The URLs by which a listening address can be reached; none for a Unix-domain socket. */
export function siteUrls({ host, port, secure }: SiteAddress, networkAddress?: string): SiteUrls {
  if (socketPathOf(host) !== undefined) return { local: undefined, network: undefined };
  const [scheme, usualPort] = secure === true ? ['https', 443] : ['http', 80];
  const url = (name: string): string =>
    `${scheme}://${isIPv6(name) ? `[${name}]` : name}${port === usualPort ? '' : `:${port}`}/`;
  if (host === '0.0.0.0' || host === '::') {
    return {
      local: url('localhost'),
      network: networkAddress === undefined ? undefined : url(networkAddress),
    };
  }
  const isLoopback = host === 'localhost' || host === '::1' || host.startsWith('127.');
  return isLoopback ? { local: url(host), network: undefined } : { local: undefined, network: url(host) };
}

const style = (code: number) => (text: string, colour: boolean) =>
  colour ? `\u001b[${code}m${text}\u001b[0m` : text;
const bold = style(1);
const dim = style(2);
const cyan = style(36);
const yellow = style(33);

/** The banner, ending in an empty line. */
export function renderBanner(facts: BannerFacts, colour: boolean): string {
  const rows: [label: string, text: string, isUrl: boolean][] = [['Serving', facts.directory, false]];
  for (const address of facts.addresses) {
    // Browsers cannot be sent there.
    if (socketPathOf(address.host) !== undefined) rows.push(['Local', address.host, false]);
    const { local, network } = siteUrls(address, facts.networkAddress);
    if (local !== undefined) rows.push(['Local', local, true]);
    if (network !== undefined) rows.push(['Network', network, true]);
  }
  const site = rows.find(([, , isUrl]) => isUrl)?.[1];
  if (facts.dashboardPath !== undefined && site !== undefined) {
    rows.push(['Dashboard', new URL(facts.dashboardPath, site).href, true]);
  }
  const { workers, threadsPerWorker, transport, configFile, notes } = facts;
  rows.push([
    'Workers',
    `${workers} with ${threadsPerWorker} ${threadsPerWorker === 1 ? 'thread' : 'threads'} each, ${transport} transport`,
    false,
  ]);
  if (configFile !== undefined) rows.push(['Config', configFile, false]);

  const width = Math.max(...rows.map(([label]) => label.length));
  const lines = rows.map(([label, text, isUrl]) => {
    return `  ${dim(label.padEnd(width), colour)}  ${isUrl ? cyan(text, colour) : text}`;
  });
  const remarks = notes.map((note) => `  ${yellow('note', colour)}  ${note}`);
  const title = `  ${bold(`handover ${facts.version}`, colour)}`;
  return ['', title, '', ...lines, '', ...(remarks.length === 0 ? [] : [...remarks, '']), ''].join('\n');
}
