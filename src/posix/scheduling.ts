/**
 * How the kernel schedules this process: sched(7).
 */
import { SCHED_BATCH, SCHED_OTHER, SYS_SCHED_GETSCHEDULER, SYS_SCHED_SETSCHEDULER } from './constants.js';
import { libc } from './libc.js';

/**
 * Asks for SCHED_BATCH: the same share of the processor, but a process that runs is not interrupted for
 * this one the moment it could go on. On a busy machine it so finds several connections each time it runs
 * instead of one, at a fraction of the cost of each; on one that is not busy nothing changes. Threads and
 * processes that are started later inherit it. False where it is not permitted, or
 * somebody has chosen a policy for this process, which does no harm.
 */
export function scheduleInBatches(): boolean {
  // By number: musl has the function, but it only says ENOSYS.
  const parameters = new Int32Array([0]);
  // Whoever chose another policy for this process knows why.
  if (libc().syscall(SYS_SCHED_GETSCHEDULER, 0, 0, null) !== SCHED_OTHER) return false;
  return libc().syscall(SYS_SCHED_SETSCHEDULER, 0, SCHED_BATCH, parameters) === 0;
}
