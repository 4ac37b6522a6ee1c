// The keys of the bucket whose gateway cannot be shown. A session learns them from the bucket, if the tail says that there are
// some, and keeps them from then on.
import type { Logger } from 'pino';
import type { Content } from './mirror-content.ts';
import type { Change } from './mirror-message.ts';

export interface ParkedKeys {
  /** Takes over the marks that a bucket has. */
  know(marks: ReadonlyMap<string, Content>): void;
  /** Keeps what a change does, and tells whether there is such a key after it. */
  isDegradedAfter(change: Change): boolean;
  contents(): ReadonlyMap<string, Content>;
  keys(): readonly string[];
}

export function createParkedKeys(logger: Logger): ParkedKeys {
  const parked = new Map<string, Content>();

  return {
    know(marks) {
      for (const [key, mark] of marks) parked.set(key, mark);
    },
    isDegradedAfter({ key, content }) {
      if (content === undefined || content.kind === 'shown') {
        if (parked.delete(key)) logger.info({ key }, 'a gateway that could not be shown is mirrored again, or gone');
      } else {
        if (!parked.has(key)) logger.error({ key, reason: content.kind }, 'a gateway cannot be shown: not mirrored');
        parked.set(key, content);
      }
      return parked.size > 0;
    },
    contents: () => parked,
    keys: () => [...parked.keys()],
  };
}
