/**
 * A process that does nothing but commit: fields `requests` and `status2xx`, and the last bucket of the
 * histogram, always go up together. Arguments: descriptor of the scoreboard, index of the slot,
 * layout.
 */
import { FIELD, SEQ_END } from '../../src/stats/schema.js';
import { type SlotLayout, SlotWriter } from '../../src/stats/scoreboard.js';

const [fd, index, layout] = process.argv.slice(2);
const writer = new SlotWriter(Number(fd), Number(index), layout as SlotLayout);

function turn(): void {
  for (let i = 0; i < 1000; i++) {
    for (const position of [FIELD.requests, FIELD.status2xx, SEQ_END - 1]) writer.counters[position]! += 1;
    writer.commit();
  }
  setImmediate(turn);
}

process.send?.('ready');
process.on('disconnect', () => process.exit());
turn();
