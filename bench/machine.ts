/** What the numbers of a benchmark depend on: the machine, and the versions of what ran. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism, cpus, release, totalmem, type } from 'node:os';
import { ROOT } from './paths.js';
import type { Machine } from './results.js';

/** This machine. */
export function readMachineFacts(): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    kernel: `${type()} ${release()}`,
  };
}

/** Version of autocannon as it is installed. */
export function autocannonVersion(): string {
  const file = createRequire(import.meta.url).resolve('autocannon/package.json');
  return String(JSON.parse(readFileSync(file, 'utf8')).version);
}

/** The commit that is checked out, with `+` when something that is not committed was built too. */
export function commit(): string {
  try {
    const git = (...args: string[]): string =>
      execFileSync('git', args, { cwd: ROOT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
    return `${git('rev-parse', '--short', 'HEAD')}${git('status', '--porcelain', 'src') === '' ? '' : '+'}`;
  } catch {
    // No git, or no repository: a package has been unpacked.
    return 'unknown';
  }
}
