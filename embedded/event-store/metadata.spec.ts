import { describe, expect, it } from 'vitest';
import {
  firstVisibleRevision,
  isSoftDeleted,
  metadataOf,
  oldestVisibleTicks,
  parseMetadata,
  softDeletedMetadata,
  withTruncateBefore,
} from './metadata.ts';

const bytes = (text: string) => Buffer.from(text);

describe('Stream metadata', () => {
  it('is read from JSON', () =>
    expect(parseMetadata(bytes('{"$maxCount":3,"$maxAge":60,"$tb":7,"$acl":{"$r":["a"]},"mine":1.5}'))).toEqual({
      maxCount: 3n,
      maxAgeSeconds: 60n,
      truncateBefore: 7n,
    }));

  it.each(['{"$maxCount":0,"$tb":7}', '{"$maxCount":-1,"$tb":7}', '{"$maxAge":0,"$tb":7}'])(
    'loses only the value that is not positive: %s',
    (json) => expect(parseMetadata(bytes(json))).toEqual({ truncateBefore: 7n }),
  );

  it('may have any other key', () =>
    expect(parseMetadata(bytes('{"hasOwnProperty":1,"__proto__":2,"$mine":3,"$tb":7}'))).toEqual({
      truncateBefore: 7n,
    }));

  it.each([
    '{"$maxCount":"3","$tb":7}',
    '{"$maxCount":1.5,"$tb":7}',
    '{"$maxCount":1e3,"$tb":7}',
    '{"$tb":9223372036854775808}',
    '{"$tmp":1,"$tb":7}',
    '{"$acl":[],"$tb":7}',
    '{"$acl":{"$r":1},"$tb":7}',
    '{"$maxCount":null,"$tb":7}',
    '[1]',
    '7',
    'null',
    '{',
    '',
  ])('is void as a whole: %s', (json) => expect(parseMetadata(bytes(json))).toEqual({}));

  it('counts only when the event is flagged JSON', () =>
    expect(metadataOf('a', { isJson: false, data: bytes('{"$tb":7}') })).toEqual({}));

  it('of a metadata stream is fixed: the latest event', () =>
    expect(metadataOf('$$a', undefined)).toEqual({ maxCount: 1n }));

  it('tells the exact mark of a soft delete from its neighbour', () => {
    expect(isSoftDeleted(parseMetadata(softDeletedMetadata))).toBe(true);
    expect(isSoftDeleted(parseMetadata(bytes('{"$tb":9223372036854775806}')))).toBe(false);
  });

  it('keeps all other values, digit by digit, when a stream comes back', () =>
    expect(`${withTruncateBefore(bytes('{"$tb":9223372036854775807,"big":9223372036854775807,"f":1.0}'), 5n)}`).toBe(
      '{"$tb":5,"big":9223372036854775807,"f":1.0}',
    ));

  it('that is no JSON is left alone when a stream comes back', () =>
    expect(withTruncateBefore(bytes('nonsense'), 5n)).toBeUndefined());
});

describe('The first visible revision of ten', () => {
  it.each([
    ['without metadata is 0', {}, 0n],
    ['follows $tb', { truncateBefore: 4n }, 4n],
    ['follows $maxCount', { maxCount: 3n }, 7n],
    ['is 0 when $maxCount has not been reached', { maxCount: 30n }, 0n],
    ['is the larger of both: $maxCount', { maxCount: 3n, truncateBefore: 4n }, 7n],
    ['is the larger of both: $tb', { maxCount: 3n, truncateBefore: 8n }, 8n],
    ['may lie past the end', { truncateBefore: 20n }, 20n],
  ])('%s', (_, metadata, first) => expect(firstVisibleRevision(metadata, 9n)).toBe(first));
});

it('Events older than $maxAge are hidden', () => {
  expect(oldestVisibleTicks({}, 1_000)).toBe(0n);
  expect(oldestVisibleTicks({ maxAgeSeconds: 10n }, 60_000)).toBe(500_000_000n);
});
