/** How much memory the values of a JSON text take, at most, before they are made of it. */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
/** Measured with V8 12, rounded up: an empty object, an empty array that has elements, an element, a field of a large object. */
const COSTS = new Uint8Array(256);
COSTS['{'.charCodeAt(0)] = 200;
COSTS['['.charCodeAt(0)] = 80;
COSTS[','.charCodeAt(0)] = 24;
COSTS[':'.charCodeAt(0)] = 100;
/** The text as a string, of two bytes for each character, and the strings in it. */
const COST_OF_BYTE = 4;

/** In bytes of V8's heap. What is no JSON has any cost. */
export function mostHeapBytes(json: Uint8Array): number {
  let cost = json.length * COST_OF_BYTE;
  let isString = false;
  for (let i = 0; i < json.length; i++) {
    const byte = json[i]!;
    if (byte === QUOTE) isString = !isString;
    else if (!isString) cost += COSTS[byte]!;
    else if (byte === BACKSLASH) i++;
  }
  return cost;
}
