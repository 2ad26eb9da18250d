/**
 * A process that can be found by a pid file and does what signals say, as a server would. Arguments: the pid
 * file, the stats file, and `deaf` for one that does not end on SIGTERM. Sends `ready`, and `hup` on SIGHUP.
 */
import { removePidFile, writePidFile } from '../../src/master/pid-file.js';

const [pidFile = '', statsFile = '', manner = ''] = process.argv.slice(2);

process.on('SIGHUP', () => process.send?.('hup'));
process.on('SIGTERM', () => {
  if (manner === 'deaf') return;
  removePidFile(pidFile);
  process.exit();
});
process.on('disconnect', () => process.exit());
writePidFile(pidFile, statsFile);
process.send?.('ready');
