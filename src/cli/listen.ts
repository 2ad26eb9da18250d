/** Which port the server gets: the one that was asked for or none, the default one or the next that is free. */
import { EXIT, HandoverError, messageOf, systemCode } from '../errors.js';
import { liveServerOn } from '../master/pid-file.js';
import { findOwnerOfPort } from '../master/port-owner.js';

/** How many ports after the default one are tried. */
const TRIES = 20;

export interface Listening<T> {
  readonly result: T;
  /** Why it is not the port that was wanted; empty when it is. */
  readonly notes: readonly string[];
}

/**
 * Calls `attempt` with a port, and when that is taken and nobody asked for it, with the ports after it.
 *
 * @param attempt binds; rejects with the system's error
 * @param wanted.asked true when somebody chose the port
 * @throws HandoverError that says who has the port, or why else it cannot be had
 */
export async function listenOrNext<T>(
  wanted: { readonly host: string; readonly port: number; readonly asked: boolean },
  attempt: (port: number) => Promise<T>,
): Promise<Listening<T>> {
  const { host, port: first, asked } = wanted;
  const last = asked ? first : Math.min(first + TRIES, 65_535);
  for (let port = first; ; port++) {
    try {
      const result = await attempt(port);
      return {
        result,
        notes: port === first ? [] : [`port ${first} is taken${byWhom(first)}, using ${port}`],
      };
    } catch (error) {
      // It says already what there is to know.
      if (error instanceof HandoverError) throw error;
      if (systemCode(error) === 'EADDRINUSE' && port < last) continue;
      throw explain(error, host, port);
    }
  }
}

function byWhom(port: number): string {
  const owner = findOwnerOfPort(port);
  if (owner === undefined) return '';
  const command = liveServerOn(port)?.pid === owner.pid ? 'another handover' : owner.command;
  return ` by ${command} (pid ${owner.pid})`;
}

/** What a person needs to know about an address that cannot be bound; other errors pass unchanged. */
function explain(error: unknown, host: string, port: number): unknown {
  const refuse = (text: string): HandoverError => {
    return new HandoverError(systemCode(error), text, EXIT.cannotListen, error);
  };
  switch (systemCode(error)) {
    case 'EADDRINUSE': {
      const remedy =
        liveServerOn(port) === undefined
          ? 'choose another with --port'
          : `handover stop --port ${port} ends it`;
      return refuse(`port ${port} is taken${byWhom(port)}; ${remedy}`);
    }
    case 'EACCES': {
      const remedy =
        port < 1024 ? 'ports below 1024 are for root; choose another with --port' : messageOf(error);
      return refuse(`port ${port} is not permitted: ${remedy}`);
    }
    case 'EADDRNOTAVAIL':
      return refuse(`${host} is not an address of this machine; --host 0.0.0.0 listens on every one`);
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return refuse(`the host ${host} has no address; write an address in HOST`);
    case 'EAFNOSUPPORT':
      return refuse(`this machine cannot listen on ${host}: it has no such kind of address`);
    default:
      return error;
  }
}
