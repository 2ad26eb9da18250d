/**
 * Which transport a server runs on, and the scoreboard that goes with it: shared memory where there are
 * native calls, and else a file.
 */
import type { Settings } from '../config/settings.js';
import { EXIT, HandoverError, messageOf } from '../errors.js';
import { Scoreboard } from '../stats/scoreboard.js';
import type { MasterTransport } from '../transport/handover.js';
import { NativeMasterTransport } from '../transport/native/master-side.js';
import { PortableMasterTransport } from '../transport/portable/master-side.js';

export interface ChosenTransport {
  readonly transport: MasterTransport;
  readonly board: Scoreboard;
  /** Why it is not the native one, which was preferred. */
  readonly fallback: string | undefined;
}

/** @throws HandoverError when the native transport was asked for and cannot be had */
export function chooseTransport({ transport: wanted, deferAccept }: Settings): ChosenTransport {
  if (wanted === 'portable') return portable(undefined);
  try {
    const board = Scoreboard.create('map');
    try {
      return { transport: new NativeMasterTransport(deferAccept), board, fallback: undefined };
    } catch (error) {
      board.close();
      throw error;
    }
  } catch (error) {
    const why = messageOf(error);
    if (wanted === 'auto') return portable(why);
    const message = `TRANSPORT=native cannot be had here: ${why}; auto and portable can`;
    throw new HandoverError('TRANSPORT', message, EXIT.badConfig, error);
  }
}

function portable(fallback: string | undefined): ChosenTransport {
  return { transport: new PortableMasterTransport(), board: Scoreboard.create('file'), fallback };
}
