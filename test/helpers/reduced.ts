/** What a reducer makes of parts that are given to it in chunks. */
import type { Emit, Reducer } from '../../src/jobs/reducers/reducer.js';

/** Parts by name. */
export type Parts = Readonly<Record<string, string | Buffer>>;

/**
 * The result, as text. The memory of a chunk is overwritten after each call, as reducers must expect.
 *
 * @param chunkBytes how much is given at once
 */
export async function reduced(
  begin: (emit: Emit) => Reducer | Promise<Reducer>,
  parts: Parts,
  chunkBytes = 1 << 20,
): Promise<string> {
  const pieces: Buffer[] = [];
  const emit: Emit = (output) => pieces.push(Buffer.from(output));
  const reducer = await begin(emit);
  for (const [name, content] of Object.entries(parts)) {
    const bytes = Buffer.from(content);
    for (let at = 0; at < bytes.length; at += chunkBytes) {
      const chunk = bytes.subarray(at, at + chunkBytes);
      await reducer.add(chunk, name);
      chunk.fill('#');
    }
    await reducer.endPart?.(name);
  }
  if (reducer.finish !== undefined) for await (const piece of reducer.finish()) emit(piece);
  return Buffer.concat(pieces).toString();
}

/** What the reducer throws over these parts. */
export async function refusal(
  begin: (emit: Emit) => Reducer | Promise<Reducer>,
  parts: Parts,
): Promise<string> {
  return reduced(begin, parts).then(
    () => {
      throw new Error('nothing was thrown');
    },
    (error: Error) => error.message,
  );
}
