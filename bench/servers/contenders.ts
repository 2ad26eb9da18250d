/** Who can take part, in the order of the tables. */
import { choose } from '../arguments.js';
import type { Contender } from './contender.js';
import { handover, otherHandover, transports } from './handover.js';
import { nginx } from './nginx.js';
import { nodeCluster } from './node-http.js';
import { npmServers } from './npm-servers.js';

/**
 * handover, other builds of it, and the peers: all, or those named, which may be handover with a certain transport
 * too. Throws when there is none of that name.
 */
export function chooseContenders(options: {
  readonly only: readonly string[] | undefined;
  /** As `otherHandover` reads them. */
  readonly also: readonly string[];
}): readonly Contender[] {
  const { only, also } = options;
  const all = [handover, ...also.map(otherHandover), nginx, nodeCluster, ...npmServers];
  if (only === undefined) return all;
  return choose(new Map([...all, ...transports].map((one) => [one.name, one])), only);
}
