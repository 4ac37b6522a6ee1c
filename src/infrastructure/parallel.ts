/**
 * Does work for each item, for so many of them at a time, in their order.
 *
 * @throws what the first one that fails throws, or what `signal` aborted with, when those under way have ended; the others
 * are then not begun
 */
export async function inParallel<T>(
  items: readonly T[],
  width: number,
  signal: AbortSignal,
  work: (item: T) => Promise<unknown>,
): Promise<void> {
  const rest = items.values();
  const failures: unknown[] = [];
  const workers = Array.from({ length: width }, async () => {
    for (const item of rest) {
      if (failures.length > 0) return;
      signal.throwIfAborted();
      await work(item);
    }
  });
  // In the order in which they failed, which is not that of the workers.
  await Promise.all(workers.map((worker) => worker.catch((error: unknown) => failures.push(error))));
  if (failures.length > 0) throw failures[0];
}
