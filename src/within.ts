/**
 * What a promise resolves to; `late` when that takes longer than `ms` milliseconds. What comes of it afterwards is for
 * whoever still holds the promise. Rejects as it does.
 */
export async function within<T, L>(work: Promise<T>, ms: number, late: L): Promise<T | L> {
  let timer: NodeJS.Timeout | undefined;
  const elapsed = new Promise<L>((resolve) => {
    timer = setTimeout(resolve, ms, late);
  });
  try {
    return await Promise.race([work, elapsed]);
  } finally {
    clearTimeout(timer);
  }
}
