/** Who can take part, in the order of the tables. */
import type { Contender } from './contender.js';
import { handover } from './handover.js';
import { nginx } from './nginx.js';
import { nodeCluster } from './node-http.js';
import { npmServers } from './npm-servers.js';

export const CONTENDERS: readonly Contender[] = [handover, nginx, nodeCluster, ...npmServers];
