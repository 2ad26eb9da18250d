/** How much memory a process holds. */

/**
 * Resident memory of this process in bytes. Asking takes a descriptor, and there may be none left: then the
 * value is `previous`.
 */
export function residentBytes(previous: number): number {
  try {
    return process.memoryUsage.rss();
  } catch {
    return previous;
  }
}
