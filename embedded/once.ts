/** The same work, done at the first call only: every call returns that one promise, also when it has rejected. */
export function once(work: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined;
  return () => {
    done ??= work();
    return done;
  };
}
