/**
 * Socket activation (sd_listen_fds(3)): whoever starts the server has bound its sockets and passes them on,
 * as descriptors from 3 on.
 *
 *     LISTEN_PID=4711                 the process they are meant for
 *     LISTEN_FDS=2                    how many
 *     LISTEN_FDNAMES=web:web-https    what each is called; systemd: FileDescriptorName=, else the unit's name.
 *                                     `https`, `getfile` or `jobs` in it says what clients speak
 *                                     there
 */
import { fstatSync } from 'node:fs';
import { EXIT, HandoverError, systemCode } from '../errors.js';
import type { Protocol } from '../transport/connection.js';

export interface InheritedSocket {
  readonly fd: number;
  /** `https`, `getfile` or `jobs`, where that stands in its name. */
  readonly protocol: Protocol;
}

export interface Activation {
  readonly sockets: readonly InheritedSocket[];
  /** Something about it that looks unwanted; empty usually. */
  readonly notes: readonly string[];
}

const NONE: Activation = { sockets: [], notes: [] };
const FIRST_FD = 3;
/** More than anybody means, and fewer than would take long to refuse. */
const MAX_SOCKETS = 64;

const VARIABLES = ['LISTEN_PID', 'LISTEN_FDS', 'LISTEN_FDNAMES', 'LISTEN_PIDFDID'] as const;

/**
 * The sockets meant for the process `pid`; none when there are none. Takes the variables out of the
 * environment: they are not for the processes that this one starts.
 *
 * @throws HandoverError when they cannot be understood
 */
export function takeActivation(env: Record<string, string | undefined>, pid: number): Activation {
  const { LISTEN_PID: forPid, LISTEN_FDS: countText = '', LISTEN_FDNAMES: names = '' } = env;
  for (const name of VARIABLES) delete env[name];
  if (forPid === undefined || countText === '') return NONE;
  if (forPid !== String(pid)) {
    const note = `LISTEN_FDS is for process ${forPid}, and this is ${pid}: start handover itself, not by npm or a script`;
    return { sockets: [], notes: [note] };
  }
  const count = /^\d{1,3}$/.test(countText) ? Number(countText) : Number.NaN;
  if (!(count <= MAX_SOCKETS)) {
    const message = `LISTEN_FDS: ${countText} is no number of sockets; it must be from 1 to ${MAX_SOCKETS}`;
    throw new HandoverError('LISTEN_FDS', message, EXIT.cannotListen);
  }
  const nameOf = names.split(':');
  const sockets = Array.from({ length: count }, (_, i) => ({
    fd: FIRST_FD + i,
    protocol: protocolIn(nameOf[i] ?? ''),
  }));
  return { sockets, notes: [] };
}

function protocolIn(name: string): Protocol {
  if (/\bhttps\b/.test(name)) return 'https';
  if (/\bgetfile\b/.test(name)) return 'getfile';
  return /\bjobs\b/.test(name) ? 'jobs' : 'http';
}

/**
 * The environment says what its sockets are for; what the settings turn on and none is for, or TLS that is
 * unwanted, is a mistake.
 */
export function refuseMismatch(
  sockets: readonly InheritedSocket[],
  wanted: { readonly tls: boolean; readonly getfile: boolean; readonly jobs: boolean },
): void {
  const secure = sockets.find(({ protocol }) => protocol === 'https');
  const refuse = (message: string): never => {
    throw new HandoverError('LISTEN_FDS', `LISTEN_FDNAMES: ${message}`, EXIT.cannotListen);
  };
  if (wanted.tls && secure === undefined) {
    refuse('TLS_CERT is set, and no inherited socket is for it; put https into the name of one');
  }
  if (!wanted.tls && secure !== undefined) {
    refuse(
      `descriptor ${secure.fd} is named https, and TLS is off; set TLS_CERT and TLS_KEY, or name it otherwise`,
    );
  }
  if (wanted.getfile && !sockets.some(({ protocol }) => protocol === 'getfile')) {
    refuse('GETFILE_PORT is set, and no inherited socket is for it; put getfile into the name of one');
  }
  if (wanted.jobs && !sockets.some(({ protocol }) => protocol === 'jobs')) {
    refuse('JOBS_PORT is set, and no inherited socket is for it; put jobs into the name of one');
  }
}

/** An error that says what is wrong with an inherited descriptor, and what would be right. */
export function refuseSocket(fd: number, what: string, cause?: unknown): HandoverError {
  const message = `LISTEN_FDS: descriptor ${fd} ${what}; it must be a TCP or Unix-domain socket that listens (ListenStream=, Accept=no)`;
  return new HandoverError('LISTEN_FDS', message, EXIT.cannotListen, cause);
}

/** Why a descriptor cannot be a socket; undefined when it is one. */
export function refuseKind(fd: number): string | undefined {
  try {
    const stats = fstatSync(fd);
    if (stats.isSocket()) return undefined;
    if (stats.isFIFO()) return 'is a pipe';
    if (stats.isDirectory()) return 'is a directory';
    return stats.isFile() ? 'is a file' : 'is no socket';
  } catch (error) {
    return systemCode(error) === 'EBADF' ? 'is not open' : `cannot be used (${systemCode(error)})`;
  }
}
