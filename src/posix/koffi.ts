/**
 * Loads koffi, by which the C library is called. It is an optional dependency: where npm has no binary of
 * it for the platform, everything works without it on the portable transport.
 */
import { createRequire } from 'node:module';
import { HandoverError, messageOf } from '../errors.js';

export type Koffi = typeof import('koffi');

let loaded: Koffi | HandoverError | undefined;

/** @throws HandoverError with the code NO_NATIVE_CALLS, which says why there is none */
export function loadKoffi(): Koffi {
  loaded ??= tryToLoad();
  if (loaded instanceof HandoverError) throw loaded;
  return loaded;
}

function tryToLoad(): Koffi | HandoverError {
  if (process.platform !== 'linux')
    return unavailable(`it is made for Linux, and this is ${process.platform}`);
  if (process.arch !== 'x64' && process.arch !== 'arm64') {
    return unavailable(`it is made for x64 and arm64, and this is ${process.arch}`);
  }
  try {
    return createRequire(import.meta.url)('koffi') as Koffi;
  } catch (error) {
    // Further lines are node's list of the modules that asked for it.
    return unavailable(`koffi cannot be loaded: ${messageOf(error).replace(/ Require stack:.*/, '')}`);
  }
}

function unavailable(why: string): HandoverError {
  return new HandoverError('NO_NATIVE_CALLS', why);
}
