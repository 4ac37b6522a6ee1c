import { describe, expect, it } from 'vitest';
import { createRevisions } from './revisions.ts';

const first = { stream: 'gateway-1', revision: 3 };

describe('a gap', () => {
  it('is what is missing between two events of a stream', () => {
    const revisions = createRevisions();
    revisions.take(first);

    expect(revisions.take({ ...first, revision: 4 })).toBeUndefined();
    expect(revisions.take({ ...first, revision: 7 })).toEqual({ stream: 'gateway-1', expected: 5, found: 7 });
    expect(revisions.take({ ...first, revision: 8 })).toBeUndefined();
  });

  it('is not before the first event of a stream, wherever that begins', () => {
    expect(createRevisions().take(first)).toBeUndefined();
  });

  it('is not what comes again', () => {
    const revisions = createRevisions();
    for (const revision of [3, 4, 5]) revisions.take({ ...first, revision });

    expect([4, 5, 6].map((revision) => revisions.take({ ...first, revision }))).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });

  it('is found in each stream by itself', () => {
    const revisions = createRevisions();
    revisions.take(first);
    revisions.take({ stream: 'gatewayPresence-1', revision: 17 });

    expect(revisions.take({ stream: 'gatewayPresence-1', revision: 18 })).toBeUndefined();
    expect(revisions.take({ ...first, revision: 5 })).toMatchObject({ expected: 4 });
  });

  it('is not looked for in streams that have not been heard of for longest', () => {
    const revisions = createRevisions(2);
    for (const stream of ['a', 'b', 'a', 'c']) revisions.take({ stream, revision: 0 });

    expect(revisions.take({ stream: 'a', revision: 9 })).toBeDefined();
    expect(revisions.take({ stream: 'b', revision: 9 })).toBeUndefined();
  });
});
