/** Where the benchmark's files lie in the repository. The compiled program is in dist/bench. */
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));
export const SCENARIOS = `${ROOT}bench/scenarios`;
export const RESULTS = `${ROOT}bench/results`;
/** Where `npm ci --prefix bench/peers` puts the npm servers. */
export const PEERS = `${ROOT}bench/peers/node_modules`;
export const HANDOVER_MAIN = `${ROOT}dist/src/main.js`;
