/**
 * A crowd in a process of its own: one process can hold only so many descriptors. Arguments: port, number of
 * clients, target, text of the body. Each `ask` makes every client ask once, on a connection that it keeps,
 * and is answered with the counts since the start.
 */
import { Crowd } from './load-clients.js';

const [port = '', clients = '', target = '', text = ''] = process.argv.slice(2);
const pages = [{ target, body: Buffer.from(text) }];
const crowd = new Crowd({ port: Number(port), clients: Number(clients), pages });

process.on('message', (message) => {
  if (message === 'ask') void crowd.ask().then((result) => process.send?.(result));
});
process.on('disconnect', () => process.exit());
process.send?.('ready');
