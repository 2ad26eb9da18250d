/** Opens a page in the user's browser: `--open`. */
import { spawn } from 'node:child_process';
import { messageOf } from '../errors.js';

/** The program that opens URLs, and what it is given. Pure. */
export function openerFor(platform: NodeJS.Platform, url: string): readonly [string, ...string[]] {
  if (platform === 'darwin') return ['open', url];
  // The empty word is the title that `start` takes its first quoted argument for.
  if (platform === 'win32') return ['cmd', '/c', 'start', '', url];
  return ['xdg-open', url];
}

/** Starts the browser and does not wait for it. A machine without one is no reason to fail: `complain` gets one line. */
export function openBrowser(url: string, complain: (line: string) => void): void {
  const [program, ...args] = openerFor(process.platform, url);
  const child = spawn(program, args, { detached: true, stdio: 'ignore' });
  child.on('error', (error) => complain(`cannot open the browser: ${messageOf(error)}`));
  child.unref();
}
