/**
 * Where a server can be found: its address, and the files that tell of it. A reload may lead to another
 * place; then both are held until the new one serves.
 */
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { wantsTls } from '../config/certificate.js';
import { flagOf } from '../config/setting.js';
import type { Settings } from '../config/settings.js';
import { hostOfSocket, socketPathOf } from '../config/socket-path.js';
import { rowOf } from '../config/table.js';
import { EXIT, HandoverError, messageOf, systemCode } from '../errors.js';
import { isRunning } from '../posix/process-info.js';
import type { StatsDocument } from '../stats/schema.js';
import { statsPaths } from '../stats/writer.js';
import type { Protocol } from '../transport/connection.js';
import type { ListenAddress, MasterTransport } from '../transport/handover.js';
import { type InheritedSocket, refuseKind, refuseMismatch, refuseSocket } from './activation.js';
import { defaultPidFile, removePidFile, serverName, writePidFile } from './pid-file.js';
import { findOwnerOfPort } from './port-owner.js';
import { runtimeDir } from './runtime-dir.js';
import { clearSocketPath, explainSocket, openSocketFile } from './socket-file.js';

/** How much later than its interval a busy server may be with its files. */
const LATENESS_MS = 3000;

export interface Place {
  /** What the server listens on, never empty. Where nothing was inherited: the plain one, then those of TLS, GetFile and jobs if they are on. */
  readonly addresses: readonly ListenAddress[];
  readonly pidFile: string;
  readonly statsFile: string;
  /** The directory of the statistics was made for this server, and goes with it. */
  readonly ownsStatsDirectory: boolean;
}

/**
 * Binds the addresses, or takes the inherited ones, and claims the files that the settings name. What `held`
 * has already is kept as it is.
 *
 * @throws the system's error when the address cannot be bound, HandoverError for the files; then nothing
 * new is left
 */
export async function takePlace(
  settings: Settings,
  transport: MasterTransport,
  inherited: readonly InheritedSocket[],
  held?: Place,
): Promise<Place> {
  const addresses = await takeAddresses(settings, transport, inherited, held);
  let place: Place | undefined;
  try {
    const { host, port } = addresses[0]!;
    const name = serverName(host, port);
    const own = join(runtimeDir(), `${name}-stats`, 'statFile.txt');
    place = {
      addresses,
      pidFile: settings.pidFile === '' ? defaultPidFile(name) : settings.pidFile,
      statsFile: settings.statsFile === '' ? own : settings.statsFile,
      ownsStatsDirectory: settings.statsFile === '',
    };
    // The claim comes first: what is in the directory may be another server's.
    if (place.pidFile !== held?.pidFile) writePidFile(place.pidFile, statsPaths(place.statsFile).json);
    if (place.statsFile !== held?.statsFile) refuseOthersStatistics(place.statsFile);
    if (place.ownsStatsDirectory) mkdirSync(dirname(place.statsFile), { recursive: true, mode: 0o700 });
    return place;
  } catch (error) {
    unlistenAll(addresses, transport, held);
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

/** Where clients speak a protocol; undefined when it is off. */
export function addressFor(protocol: Protocol, { addresses }: Place): ListenAddress | undefined {
  return addresses.find((address) => (address.protocol ?? 'http') === protocol);
}

/** Stops listening on the addresses of a place, but for those that belong to `kept` as well. */
export function leaveAddresses(place: Place, transport: MasterTransport, kept?: Place): void {
  unlistenAll(place.addresses, transport, kept);
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

async function takeAddresses(
  settings: Settings,
  transport: MasterTransport,
  inherited: readonly InheritedSocket[],
  held: Place | undefined,
): Promise<readonly ListenAddress[]> {
  if (inherited.length > 0) {
    const { getfilePort, jobsPort } = settings;
    const wanted = { tls: wantsTls(settings), getfile: getfilePort !== 'off', jobs: jobsPort !== 'off' };
    refuseMismatch(inherited, wanted);
    return held?.addresses ?? (await adoptAll(settings, transport, inherited));
  }
  const addresses = [await bind(settings, transport, held && addressFor('http', held))];
  try {
    for (const further of furtherPorts(settings)) {
      addresses.push(
        await bindFurther(settings, further, transport, held && addressFor(further.protocol, held)),
      );
    }
    return addresses;
  } catch (error) {
    unlistenAll(addresses, transport, held);
    throw error;
  }
}

/** A port beside the plain one, and the setting that it comes from. */
interface FurtherPort {
  readonly protocol: Protocol;
  readonly name: 'tlsPort' | 'getfilePort' | 'jobsPort';
  readonly port: number;
}

function furtherPorts(settings: Settings): readonly FurtherPort[] {
  const { tlsPort, getfilePort, jobsPort } = settings;
  const ports: FurtherPort[] = [];
  if (wantsTls(settings)) ports.push({ protocol: 'https', name: 'tlsPort', port: tlsPort });
  if (getfilePort !== 'off') ports.push({ protocol: 'getfile', name: 'getfilePort', port: getfilePort });
  if (jobsPort !== 'off') ports.push({ protocol: 'jobs', name: 'jobsPort', port: jobsPort });
  return ports;
}

/** Listens on what was inherited. @throws HandoverError, which names the descriptor that cannot be used */
async function adoptAll(
  { backlog }: Settings,
  transport: MasterTransport,
  inherited: readonly InheritedSocket[],
): Promise<readonly ListenAddress[]> {
  const addresses: ListenAddress[] = [];
  for (const { fd, protocol } of inherited) {
    const kind = refuseKind(fd);
    if (kind !== undefined) throw refuseSocket(fd, kind);
    let address: ListenAddress;
    try {
      address = await transport.listen({ host: '', port: 0, fd, protocol }, backlog);
    } catch (error) {
      throw refuseSocket(fd, `is a socket of another kind (${systemCode(error)})`, error);
    }
    addresses.push(address);
    if (protocol === 'https' && socketPathOf(address.host) !== undefined) {
      throw refuseSocket(fd, 'is for https, and is a Unix-domain socket, which TLS is not spoken on');
    }
  }
  return addresses;
}

async function bind(
  { host, port, backlog }: Settings,
  transport: MasterTransport,
  held: ListenAddress | undefined,
): Promise<ListenAddress> {
  const path = socketPathOf(host);
  if (path !== undefined) return held?.host === host ? held : await bindPath(path, backlog, transport);
  // Port 0 is any free one, and so is the one we have.
  if (held !== undefined && host === held.host && (port === held.port || port === 0)) return held;
  try {
    return await transport.listen({ host, port }, backlog);
  } catch (error) {
    if (systemCode(error) !== 'EADDRINUSE' || port !== held?.port) throw error;
    const message = `port ${port} is our own on ${held.host}: another HOST on the same port takes a restart`;
    throw new HandoverError('EADDRINUSE', message, EXIT.cannotListen, error);
  }
}

/** A Unix-domain socket at a path. @throws HandoverError, which says why it cannot be had */
async function bindPath(path: string, backlog: number, transport: MasterTransport): Promise<ListenAddress> {
  await clearSocketPath(path);
  let address: ListenAddress;
  try {
    address = await transport.listen({ host: hostOfSocket(path), port: 0 }, backlog);
  } catch (error) {
    throw explainSocket(path, error);
  }
  try {
    openSocketFile(path);
    return address;
  } catch (error) {
    transport.unlisten(address);
    throw error;
  }
}

/** The address of such a port. @throws HandoverError, which names its setting, when it cannot be bound */
async function bindFurther(
  { host, backlog }: Settings,
  { protocol, name, port }: FurtherPort,
  transport: MasterTransport,
  held: ListenAddress | undefined,
): Promise<ListenAddress> {
  if (held !== undefined && host === held.host && (port === held.port || port === 0)) return held;
  try {
    return await transport.listen({ host, port, protocol }, backlog);
  } catch (error) {
    const { key } = rowOf(name);
    const isTaken = systemCode(error) === 'EADDRINUSE';
    const owner = isTaken ? findOwnerOfPort(port) : undefined;
    const by = owner === undefined ? '' : ` by ${owner.command} (pid ${owner.pid})`;
    const why = isTaken
      ? `is taken${by}; choose another with ${flagOf(key)}`
      : `cannot be bound: ${messageOf(error)}`;
    throw new HandoverError(key, `${key}: port ${port} ${why}`, EXIT.cannotListen, error);
  }
}

/** Stops listening on addresses, but for those that `kept` has as well. */
function unlistenAll(addresses: readonly ListenAddress[], transport: MasterTransport, kept?: Place): void {
  for (const address of addresses) if (!kept?.addresses.includes(address)) transport.unlisten(address);
}
