// Finds what is missing: the revisions of a stream count up by one.

/** Revisions of a stream that never came. */
export interface Gap {
  /** The registry's stream, for example `gateway-<id>`. */
  readonly stream: string;
  /** The revision that had to come. */
  readonly expected: number;
  /** The one that came. */
  readonly found: number;
}

export interface Revisions {
  /** Takes notice of an event, and says what is missing before it. */
  take(event: { readonly stream: string; readonly revision: number }): Gap | undefined;
  /** Events may have gone elsewhere: nothing is missing before the next one of each stream. */
  forget(): void;
}

/**
 * Nothing is missing before the first event of a stream that is seen: who comes late, or looks at a part, sees no beginning.
 *
 * @param most so many streams are remembered, those that were heard of last; about a hundred bytes each
 */
export function createRevisions(most = 100_000): Revisions {
  const newest = new Map<string, number>();
  return {
    take({ stream, revision }) {
      const before = newest.get(stream);
      // Taken out, so that it stands last again: a map keeps the order in which things were put.
      newest.delete(stream);
      newest.set(stream, Math.max(revision, before ?? revision));
      if (newest.size > most) forgetOldest();
      if (before === undefined || revision <= before + 1) return undefined;
      return { stream, expected: before + 1, found: revision };
    },
    forget: () => newest.clear(),
  };

  function forgetOldest(): void {
    for (const stream of newest.keys()) {
      newest.delete(stream);
      return;
    }
  }
}
