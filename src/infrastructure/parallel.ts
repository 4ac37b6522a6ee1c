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
  let hasFailed = false;
  const workers = Array.from({ length: width }, async () => {
    for (const item of rest) {
      if (hasFailed) return;
      signal.throwIfAborted();
      await work(item).catch((error: unknown) => {
        hasFailed = true;
        throw error;
      });
    }
  });
  const settled = await Promise.allSettled(workers);
  const failed = settled.find((result) => result.status === 'rejected');
  if (failed) throw failed.reason;
}
