/**
 * Properties that clients set and the server only keeps (RFC 4918 section 4: dead properties), in records that go
 * with their file when it is moved, copied or deleted. Whoever changes them holds `write` of the file's token.
 */
import { join } from 'node:path';
import { RecordTree, type Segments } from './record-tree.js';

export interface DeadProperty {
  readonly ns: string;
  readonly name: string;
  /** The whole element, XML that stands for itself. */
  readonly xml: string;
}

/** Of all properties of one resource together, in bytes. */
export const MAX_PROPERTIES_BYTES = 256 * 1024;

interface PropertyRecord {
  readonly properties: readonly DeadProperty[];
}

export class DeadProperties {
  readonly #tree: RecordTree<PropertyRecord>;

  /** @param directory of `.handover` */
  constructor(directory: string) {
    this.#tree = new RecordTree(join(directory, 'properties'), isPropertyRecord);
  }

  /** For many resources at one moment. */
  snapshot(): (of: Segments) => Promise<readonly DeadProperty[]> {
    const get = this.#tree.snapshot();
    return async (of) => (await get(of))?.properties ?? [];
  }

  async get(of: Segments): Promise<readonly DeadProperty[]> {
    return (await this.#tree.get(of))?.properties ?? [];
  }

  set(of: Segments, properties: readonly DeadProperty[]): Promise<void> {
    return this.#tree.set(of, properties.length === 0 ? undefined : { properties });
  }

  remove(of: Segments): Promise<void> {
    return this.#tree.remove(of);
  }

  move(from: Segments, to: Segments): Promise<void> {
    return this.#tree.move(from, to);
  }

  copy(from: Segments, to: Segments, isDeep: boolean): Promise<void> {
    return this.#tree.copy(from, to, isDeep);
  }
}

/** Bytes that properties take together, as `MAX_PROPERTIES_BYTES` counts them. */
export function sizeOf(properties: readonly DeadProperty[]): number {
  return properties.reduce((sum, { xml }) => sum + Buffer.byteLength(xml), 0);
}

function isPropertyRecord(value: unknown): value is PropertyRecord {
  return (
    typeof value === 'object' &&
    value !== null &&
    'properties' in value &&
    Array.isArray(value.properties) &&
    value.properties.every((property) => typeof property?.xml === 'string')
  );
}
