/**
 * Fences that go on rising over restarts: each start of a server takes the next epoch from a file, and counts its
 * grants within it.
 */
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { EXIT, HandoverError, systemCode } from '../errors.js';

/** Epochs are below 2^20 and grants of an epoch below 2^32, so that a fence is exact as a number. */
const MAX_EPOCH = 2 ** 20;
const GRANTS = 2 ** 32;

/**
 * The next epoch, which is durable when this returns.
 *
 * @throws HandoverError when the file holds no epoch; the system's error when it cannot be written
 */
export function nextEpoch(path: string): number {
  const epoch = lastEpoch(path) + 1;
  const temporary = `${path}.new`;
  writeDurably(temporary, `${epoch}\n`);
  renameSync(temporary, path);
  syncPath(dirname(path));
  return epoch;
}

/** Counts fences within an epoch. */
export function fencesOf(epoch: number): () => number {
  let count = 0;
  return () => epoch * GRANTS + ++count;
}

function lastEpoch(path: string): number {
  let text: string;
  try {
    text = readFileSync(path, 'latin1');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return 0;
    throw error;
  }
  const epoch = /^\d{1,7}\n$/.test(text) ? Number(text) : Number.NaN;
  if (epoch < MAX_EPOCH) return epoch;
  const problem = `${path}: holds no epoch (a number below ${MAX_EPOCH}); fences of locks would not rise`;
  throw new HandoverError('EPOCH', `${problem}: remove it when no other server uses it`, EXIT.cannotRead);
}

function writeDurably(path: string, text: string): void {
  const fd = openSync(path, 'w', 0o600);
  try {
    writeSync(fd, text);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

function syncPath(path: string): void {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
