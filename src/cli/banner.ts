/** What is printed when the server is ready. Pure. */
import { isIPv6 } from 'node:net';
import { socketPathOf } from '../config/socket-path.js';
import type { Protocol } from '../transport/connection.js';

export interface SiteAddress {
  readonly host: string;
  readonly port: number;
  readonly protocol?: Protocol;
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

/** The URLs by which browsers can reach a listening address; none for a Unix-domain socket, or where they do not speak. */
export function siteUrls(address: SiteAddress, networkAddress?: string): SiteUrls {
  const { host, port, protocol = 'http' } = address;
  if (socketPathOf(host) !== undefined || protocol === 'getfile' || protocol === 'jobs') {
    return { local: undefined, network: undefined };
  }
  const usualPort = protocol === 'https' ? 443 : 80;
  const url = (name: string): string =>
    `${protocol}://${port === usualPort ? bracketed(name) : authority(name, port)}/`;
  if (host === '0.0.0.0' || host === '::') {
    return {
      local: url('localhost'),
      network: networkAddress === undefined ? undefined : url(networkAddress),
    };
  }
  const isLoopback = host === 'localhost' || host === '::1' || host.startsWith('127.');
  return isLoopback ? { local: url(host), network: undefined } : { local: undefined, network: url(host) };
}

function bracketed(host: string): string {
  return isIPv6(host) ? `[${host}]` : host;
}

function authority(host: string, port: number): string {
  return `${bracketed(host)}:${port}`;
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
    const isSocket = socketPathOf(address.host) !== undefined;
    if (address.protocol === 'getfile' || address.protocol === 'jobs') {
      const label = address.protocol === 'jobs' ? 'Jobs' : 'GetFile';
      rows.push([label, isSocket ? address.host : authority(address.host, address.port), false]);
    } else if (isSocket) rows.push(['Local', address.host, false]);
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
