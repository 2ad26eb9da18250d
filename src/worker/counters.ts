/** The counters of a worker's slot, as those see them who move them. */
import type { UpstreamCounters } from '../proxy/upstream-group.js';
import { FIELD } from '../stats/schema.js';
import type { SlotWriter } from '../stats/scoreboard.js';
import type { TransportCounters } from '../transport/connection.js';

/** The counters of a slot that the transport moves. */
export function transportCounters(slot: SlotWriter): TransportCounters {
  const { counters } = slot;
  return {
    taken: (upTo) => {
      counters[FIELD.taken] = upTo;
    },
    opened: () => {
      counters[FIELD.open]! += 1;
    },
    closed: () => {
      counters[FIELD.open]! -= 1;
    },
    handedBack: () => {
      counters[FIELD.handedBack]! += 1;
    },
    received: (bytes) => {
      counters[FIELD.bytesReceived]! += bytes;
    },
    sent: (bytes) => {
      counters[FIELD.bytesSent]! += bytes;
    },
    leaving: (bytes) => {
      counters[FIELD.bytesLeaving] = bytes;
    },
  };
}

/** A part of a job has become durable. */
export function countPart({ counters }: SlotWriter, bytes: number): void {
  counters[FIELD.jobParts]! += 1;
  counters[FIELD.jobBytes]! += bytes;
}

/** The counters of a slot that the proxy moves. */
export function upstreamCounters({ counters }: SlotWriter): UpstreamCounters {
  return {
    asked: () => {
      counters[FIELD.upstreamActive]! += 1;
    },
    answered: (durationMs) => {
      counters[FIELD.upstreamActive]! -= 1;
      counters[FIELD.upstreamResponses]! += 1;
      counters[FIELD.upstreamSumUs]! += Math.round(durationMs * 1000);
    },
    failed: () => {
      counters[FIELD.upstreamActive]! -= 1;
      counters[FIELD.upstreamFailures]! += 1;
    },
  };
}
