/** `concat`: the parts, one after another. */
import type { Emit, Reducer } from './reducer.js';

/** A reducer whose result is the bytes of all parts in the order in which they come. */
export function concat(emit: Emit): Reducer {
  return { add: emit };
}
