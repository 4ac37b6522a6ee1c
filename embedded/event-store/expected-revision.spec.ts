import { describe, expect, it } from 'vitest';
import { decideAppend, type StreamFacts } from './expected-revision.ts';
import type { ExpectedRevision } from './records.ts';

const appended = { kind: 'append' };
const refused = { kind: 'wrongExpectedRevision' };
const deleted = { kind: 'streamDeleted' };
const storedBefore = (revision: bigint) => ({ kind: 'appendedBefore', revision });

describe('A stream that was never written', () => {
  const stream = streamOf();

  it.each<ExpectedRevision>(['any', 'no_stream'])('accepts %s', (expected) =>
    expect(decideAppend(stream, expected, ['a'])).toEqual(appended),
  );

  it.each<ExpectedRevision>([0n, 7n, 'stream_exists'])('refuses %s', (expected) =>
    expect(decideAppend(stream, expected, ['a'])).toEqual(refused),
  );

  it('exists when it has metadata', () =>
    expect(decideAppend({ ...stream, hasMetadata: true }, 'stream_exists', ['a'])).toEqual(appended));

  it('accepts an empty append', () => expect(decideAppend(stream, 'no_stream', [])).toEqual(appended));
});

describe('A stream with events a, b, c', () => {
  const stream = streamOf('a', 'b', 'c');

  it.each<ExpectedRevision>([2n, 'any', 'stream_exists'])('accepts %s', (expected) =>
    expect(decideAppend(stream, expected, ['d'])).toEqual(appended),
  );

  it.each<ExpectedRevision>([3n, 1n, 0n, 'no_stream'])('refuses another event at %s', (expected) =>
    expect(decideAppend(stream, expected, ['d'])).toEqual(refused),
  );

  it('does not look at ids when the revision is exact', () =>
    expect(decideAppend(stream, 2n, ['a', 'b'])).toEqual(appended));

  it.each<[ExpectedRevision, string[], bigint]>([
    ['no_stream', ['a', 'b', 'c'], 2n],
    ['no_stream', ['a'], 0n],
    [0n, ['b', 'c'], 2n],
    [1n, ['c'], 2n],
  ])('recognizes at %s the repeated append of %j', (expected, ids, revision) =>
    expect(decideAppend(stream, expected, ids)).toEqual(storedBefore(revision)),
  );

  it.each<[string, ExpectedRevision, string[]]>([
    ['begins differently', 0n, ['d', 'c']],
    ['goes on differently', 0n, ['b', 'd']],
    ['runs past the end', 1n, ['c', 'd']],
    ['is empty', 1n, []],
  ])('refuses a repeated append that %s', (_, expected, ids) =>
    expect(decideAppend(stream, expected, ids)).toEqual(refused),
  );
});

describe.each<ExpectedRevision>(['any', 'stream_exists'])('With %s, recently stored ids', (expected) => {
  const stream = streamOf('a', 'b', 'c');

  it('make a repeated append succeed again', () =>
    expect(decideAppend(stream, expected, ['b', 'c'])).toEqual(storedBefore(2n)));

  it('need not be in order: the last one counts', () =>
    expect(decideAppend(stream, expected, ['c', 'a'])).toEqual(storedBefore(0n)));

  it('are stored again behind a new first id', () =>
    expect(decideAppend(stream, expected, ['d', 'a'])).toEqual(appended));

  it('refuse an append that only begins with them', () =>
    expect(decideAppend(stream, expected, ['a', 'd'])).toEqual(refused));
});

describe('A soft-deleted stream', () => {
  const stream = { ...streamOf('a', 'b'), softDeleted: true, hasMetadata: true };

  it.each<ExpectedRevision>(['any', 'no_stream', 1n])('comes back with %s', (expected) =>
    expect(decideAppend(stream, expected, ['c'])).toEqual(appended),
  );

  it('is deleted for STREAM_EXISTS', () => expect(decideAppend(stream, 'stream_exists', ['c'])).toEqual(deleted));

  it('still knows its first event', () => expect(decideAppend(stream, 'no_stream', ['a'])).toEqual(storedBefore(0n)));

  it('refuses an older revision', () => expect(decideAppend(stream, 0n, ['c'])).toEqual(refused));
});

it.each<ExpectedRevision>(['any', 'no_stream', 'stream_exists', 0n])(
  'A tombstone refuses %s, even what was appended before',
  (expected) => expect(decideAppend({ ...streamOf('a'), tombstoned: true }, expected, ['a'])).toEqual(deleted),
);

function streamOf(...ids: string[]): StreamFacts {
  return {
    last: BigInt(ids.length) - 1n,
    tombstoned: false,
    softDeleted: false,
    hasMetadata: false,
    idAt: (revision) => ids.find((_, index) => BigInt(index) === revision),
    recentRevisionOf: (id) => (ids.includes(id) ? BigInt(ids.indexOf(id)) : undefined),
  };
}
