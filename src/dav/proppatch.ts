/** PROPPATCH (RFC 4918 section 9.2): all of it is done, or nothing. Pure. */
import { type DeadProperty, MAX_PROPERTIES_BYTES, sizeOf } from './dead-properties.js';
import { type Propstat, precondition } from './multistatus.js';
import { emptyElement, isLive, type PropertyName } from './propfind.js';
import { DAV, elementsIn, standalone, type XmlElement, XmlError } from './xml.js';

/** What is to be done, in its order. */
export type PropertyUpdate = { readonly set: DeadProperty } | { readonly remove: PropertyName };

/** Reads the body of a PROPPATCH. @throws XmlError */
export function updatesIn(root: XmlElement | undefined): readonly PropertyUpdate[] {
  if (root?.ns !== DAV || root.name !== 'propertyupdate')
    throw new XmlError('the body is no DAV:propertyupdate');
  const updates: PropertyUpdate[] = [];
  for (const instruction of elementsIn(root)) {
    if (instruction.ns !== DAV || !['set', 'remove'].includes(instruction.name)) continue;
    for (const property of elementsIn(instruction, 'prop').flatMap((prop) => elementsIn(prop))) {
      const { ns, name } = property;
      updates.push(
        instruction.name === 'set'
          ? { set: { ns, name, xml: standalone(property) } }
          : { remove: { ns, name } },
      );
    }
  }
  if (updates.length === 0) throw new XmlError('a DAV:propertyupdate sets or removes a property');
  return updates;
}

/** What becomes of each property, and of all when everything may be done: undefined when nothing is. */
export function applyUpdates(
  present: readonly DeadProperty[],
  updates: readonly PropertyUpdate[],
): { readonly propstats: readonly Propstat[]; readonly properties: readonly DeadProperty[] | undefined } {
  const nameOf = (update: PropertyUpdate): PropertyName => ('set' in update ? update.set : update.remove);
  const elements = (of: readonly PropertyUpdate[]): string[] => [
    ...new Set(of.map((update) => emptyElement(nameOf(update)))),
  ];
  const refused = updates.filter((update) => isLive(nameOf(update)));
  if (refused.length > 0) {
    const others = updates.filter((update) => !refused.includes(update));
    const error = precondition('cannot-modify-protected-property');
    const propstats: Propstat[] = [{ status: 403, properties: elements(refused), error }];
    if (others.length > 0) propstats.push({ status: 424, properties: elements(others) });
    return { propstats, properties: undefined };
  }
  const properties = new Map(present.map((property) => [keyOf(property), property]));
  for (const update of updates) {
    if ('set' in update) properties.set(keyOf(update.set), update.set);
    else properties.delete(keyOf(update.remove));
  }
  const after = [...properties.values()];
  if (sizeOf(after) > MAX_PROPERTIES_BYTES) {
    return { propstats: [{ status: 507, properties: elements(updates) }], properties: undefined };
  }
  return { propstats: [{ status: 200, properties: elements(updates) }], properties: after };
}

function keyOf({ ns, name }: PropertyName): string {
  return `{${ns}}${name}`;
}
