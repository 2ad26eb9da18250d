/** What a server leaves behind when it has ended: processes, files, shared memory, words that are no reports. */
import type { ChildProcess } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { systemCode } from '../../src/errors.js';
import type { TestDirectory } from './directory.js';

/**
 * What is wrong with how a server ended, a line each; none when it ended in order.
 *
 * @param child the master, which has exited and was the leader of its process group
 * @param directory with `run/` and `tmp/`, in which nothing of it may be left
 * @param err what it wrote to standard error
 */
export function leftoversOf(
  child: ChildProcess,
  directory: TestDirectory,
  err: string,
  mayLoseWorkers: boolean,
): string[] {
  const pid = child.pid!;
  const wrong: string[] = [];
  if (child.exitCode !== 0) wrong.push(`exit code ${child.exitCode}, signal ${child.signalCode}`);
  if (signalGroup(pid, 0)) wrong.push('processes of the server still run');
  for (const name of [...filesBelow(directory.at('run')), ...filesBelow(directory.at('tmp'))]) {
    // The directory of all servers of a user stays.
    if (name !== 'handover') wrong.push(`left behind: ${name}`);
  }
  for (const name of existsSync('/dev/shm') ? readdirSync('/dev/shm') : []) {
    if (name.startsWith(`handover-${pid}-`)) wrong.push(`left in /dev/shm: ${name}`);
  }
  const said = err.split('\n').find((line) => line !== '' && !line.startsWith('handover: '));
  if (said !== undefined) wrong.push(`not a report: ${said}`);
  const died = /worker \d+ \(pid \d+\) ended .*/.exec(err);
  if (died !== null && !mayLoseWorkers) wrong.push(died[0]);
  return wrong;
}

/** Sends a signal to all processes of a group; 0 only asks. False when there are none. */
export function signalGroup(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(-pid, signal);
  } catch (error) {
    if (systemCode(error) === 'ESRCH') return false;
    throw error;
  }
}

function filesBelow(directory: string): string[] {
  return readdirSync(directory, { recursive: true }).map(String);
}
