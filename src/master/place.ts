/**
 * Where a server can be found: its address, and the files that tell of it. A reload may lead to another
 * place; then both are held until the new one serves.
 */
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { wantsTls } from '../config/certificate.js';
import type { Settings } from '../config/settings.js';
import { EXIT, HandoverError, messageOf, systemCode } from '../errors.js';
import type { StatsDocument } from '../stats/schema.js';
import { statsPaths } from '../stats/writer.js';
import type { ListenAddress, MasterTransport } from '../transport/handover.js';
import { defaultPidFile, removePidFile, writePidFile } from './pid-file.js';
import { findOwnerOfPort } from './port-owner.js';
import { isRunning } from './process-info.js';
import { runtimeDir } from './runtime-dir.js';

/** How much later than its interval a busy server may be with its files. */
const LATENESS_MS = 3000;

export interface Place {
  readonly address: ListenAddress;
  /** Undefined when TLS is off. */
  readonly secureAddress: ListenAddress | undefined;
  readonly pidFile: string;
  readonly statsFile: string;
  /** The directory of the statistics was made for this server, and goes with it. */
  readonly ownsStatsDirectory: boolean;
}

/**
 * Binds the address and claims the files that the settings name. What `held` has already is kept as it is.
 *
 * @throws the system's error when the address cannot be bound, HandoverError for the files; then nothing
 * new is left
 */
export async function takePlace(
  settings: Settings,
  transport: MasterTransport,
  held?: Place,
): Promise<Place> {
  const address = await bind(settings, transport, held?.address);
  const { port } = address;
  let secureAddress: ListenAddress | undefined;
  let place: Place | undefined;
  try {
    secureAddress = await bindSecure(settings, transport, held?.secureAddress);
    const own = join(runtimeDir(), `${port}-stats`, 'statFile.txt');
    place = {
      address,
      secureAddress,
      pidFile: settings.pidFile === '' ? defaultPidFile(port) : settings.pidFile,
      statsFile: settings.statsFile === '' ? own : settings.statsFile,
      ownsStatsDirectory: settings.statsFile === '',
    };
    // The claim comes first: what is in the directory may be another server's.
    if (place.pidFile !== held?.pidFile) writePidFile(place.pidFile, statsPaths(place.statsFile).json);
    if (place.statsFile !== held?.statsFile) refuseOthersStatistics(place.statsFile);
    if (place.ownsStatsDirectory) mkdirSync(dirname(place.statsFile), { recursive: true, mode: 0o700 });
    return place;
  } catch (error) {
    unlistenUnless(address, held?.address, transport);
    unlistenUnless(secureAddress, held?.secureAddress, transport);
    if (place !== undefined && place.pidFile !== held?.pidFile) removePidFile(place.pidFile);
    throw error;
  }
}

/**
 * Two servers that write the same files would each show the other's numbers.
 *
 * @throws HandoverError when another one does
 */
export function refuseOthersStatistics(statsFile: string): void {
  const owner = otherWriterOf(statsFile);
  if (owner === undefined) return;
  const message = `STATS_FILE: ${statsFile} is written by another handover (pid ${owner}); name another`;
  throw new HandoverError('STATS_FILE', message, EXIT.cannotListen);
}

/** What a place listens on. */
export function addressesOf({ address, secureAddress }: Place): readonly ListenAddress[] {
  return secureAddress === undefined ? [address] : [address, secureAddress];
}

/** Stops listening on the addresses of a place, but for those that belong to `kept` as well. */
export function leaveAddresses(place: Place, transport: MasterTransport, kept?: Place): void {
  unlistenUnless(place.address, kept?.address, transport);
  unlistenUnless(place.secureAddress, kept?.secureAddress, transport);
}

/** Gives up a place, but for what belongs to `kept` as well. */
export function leavePlace(place: Place, transport: MasterTransport, kept?: Place): void {
  leaveAddresses(place, transport, kept);
  if (place.pidFile !== kept?.pidFile) removePidFile(place.pidFile);
  const hasDirectory = place.ownsStatsDirectory && place.statsFile !== kept?.statsFile;
  // Of two that started at once on one port, the other may write there now.
  if (hasDirectory && otherWriterOf(place.statsFile) === undefined) {
    rmSync(dirname(place.statsFile), { recursive: true, force: true });
  }
}

/**
 * The other process that writes these files now; undefined when there is none. Newness tells it from one
 * that was killed and left them, and whose number another process may have.
 */
function otherWriterOf(statFile: string): number | undefined {
  let document: Partial<StatsDocument>;
  try {
    document = JSON.parse(readFileSync(statsPaths(statFile).json, 'utf8')) as Partial<StatsDocument>;
  } catch {
    return undefined;
  }
  const { master, time, intervalMs } = document ?? {};
  if (typeof master?.pid !== 'number' || typeof intervalMs !== 'number') return undefined;
  if (master.pid === process.pid) return undefined;
  const isNew = Date.now() - Date.parse(time ?? '') < intervalMs + LATENESS_MS;
  return isNew && isRunning(master.pid) ? master.pid : undefined;
}

async function bind(
  { host, port }: Settings,
  transport: MasterTransport,
  held: ListenAddress | undefined,
): Promise<ListenAddress> {
  // Port 0 is any free one, and so is the one we have.
  if (held !== undefined && host === held.host && (port === held.port || port === 0)) return held;
  try {
    return await transport.listen({ host, port });
  } catch (error) {
    if (systemCode(error) !== 'EADDRINUSE' || port !== held?.port) throw error;
    const message = `port ${port} is our own on ${held.host}: another HOST on the same port takes a restart`;
    throw new HandoverError('EADDRINUSE', message, EXIT.cannotListen, error);
  }
}

/** The address for TLS. @throws HandoverError, which names TLS_PORT, when it cannot be bound */
async function bindSecure(
  settings: Settings,
  transport: MasterTransport,
  held: ListenAddress | undefined,
): Promise<ListenAddress | undefined> {
  if (!wantsTls(settings)) return undefined;
  const { host, tlsPort: port } = settings;
  if (held !== undefined && host === held.host && (port === held.port || port === 0)) return held;
  try {
    return await transport.listen({ host, port, secure: true });
  } catch (error) {
    const isTaken = systemCode(error) === 'EADDRINUSE';
    const owner = isTaken ? findOwnerOfPort(port) : undefined;
    const by = owner === undefined ? '' : ` by ${owner.command} (pid ${owner.pid})`;
    const why = isTaken
      ? `is taken${by}; choose another with --tls-port`
      : `cannot be bound: ${messageOf(error)}`;
    throw new HandoverError('TLS_PORT', `TLS_PORT: port ${port} ${why}`, EXIT.cannotListen, error);
  }
}

function unlistenUnless(
  address: ListenAddress | undefined,
  kept: ListenAddress | undefined,
  transport: MasterTransport,
): void {
  if (address !== undefined && address !== kept) transport.unlisten(address);
}
