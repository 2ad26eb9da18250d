/**
 * Makes a zombie: a process that has ended and that its parent has not waited for. A shell starts one and then
 * becomes `sleep`, which waits for nobody. Sends `ready`, then the zombie's pid once it is one.
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';

process.send?.('ready');
const shell = spawn('sh', ['-c', 'sh -c "echo \\$\\$" & exec sleep 60'], {
  stdio: ['ignore', 'pipe', 'ignore'],
});
shell.stdout.once('data', (chunk: Buffer) => {
  const pid = chunk.toString().trim();
  const look = (): void => {
    if (/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'))) process.send?.(pid);
    else setImmediate(look);
  };
  look();
});
process.on('disconnect', () => process.exit());
process.on('exit', () => shell.kill('SIGKILL'));
