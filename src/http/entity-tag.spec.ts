import { describe, expect, it } from 'vitest';
import {
  type EntityTag,
  type EntityTags,
  entityTagOf,
  formatEntityTag,
  matchesStrongly,
  matchesWeakly,
  parseEntityTags,
  revisionOf,
} from './entity-tag.ts';

const strong = (opaque: string): EntityTag => ({ weak: false, opaque });
const weak = (opaque: string): EntityTag => ({ weak: true, opaque });

describe('the tag of a resource', () => {
  it('is the revision of its stream', () => {
    expect(formatEntityTag(entityTagOf(4n))).toBe('"4"');
  });

  it('has the mark of what was observed after a dot', () => {
    expect(formatEntityTag(entityTagOf(4n, '1772442600000-3'))).toBe('"4.1772442600000-3"');
  });

  it.each<[EntityTag, bigint | undefined]>([
    [entityTagOf(0n), 0n],
    [entityTagOf(4n, '1772442600000-3'), 4n],
    [strong('4.1772442600000'), 4n],
    [entityTagOf(2n ** 63n - 1n), 2n ** 63n - 1n],
    [weak('4'), undefined],
    [strong(''), undefined],
    [strong('04'), undefined],
    [strong('-1'), undefined],
    [strong('4.'), undefined],
    [strong('4.1.2'), undefined],
    [strong('4.1-'), undefined],
    [strong('4.-1'), undefined],
    [strong('0x4'), undefined],
    [strong('four'), undefined],
    [strong('9'.repeat(10_000)), undefined],
  ])('%j names the revision %s', (tag, revision) => {
    expect(revisionOf(tag)).toBe(revision);
  });
});

describe('the tags of a header', () => {
  it.each<[string, EntityTags | undefined]>([
    ['*', '*'],
    [' *\t', '*'],
    ['"4"', [strong('4')]],
    ['W/"4"', [weak('4')]],
    ['"4.1772442600000"', [strong('4.1772442600000')]],
    ['"a", W/"b","c"', [strong('a'), weak('b'), strong('c')]],
    [' "a"\t,\t"b" ', [strong('a'), strong('b')]],
    [',, "a",,"b",', [strong('a'), strong('b')]],
    ['"a,b", "c"', [strong('a,b'), strong('c')]],
    ['"\\", "b"', [strong('\\'), strong('b')]],
    ['""', [strong('')]],
    ['"*"', [strong('*')]],
    ['"\u00e4\u00ff"', [strong('\u00e4\u00ff')]],
    ['', undefined],
    [' , ', undefined],
    ['4', undefined],
    ['"4', undefined],
    ['4"', undefined],
    ['"4" "5"', undefined],
    ['"4";"5"', undefined],
    ['"a b"', undefined],
    ['"a\u007f"', undefined],
    ['w/"4"', undefined],
    ['W/ "4"', undefined],
    ['W/4', undefined],
    ['*, "4"', undefined],
    ['"4", *', undefined],
    ['**', undefined],
    ["'4'", undefined],
    ['"4", 5', undefined],
  ])('%j are taken as %j', (header, tags) => {
    expect(parseEntityTags(header)).toEqual(tags);
  });

  it('are told apart as they were written', () => {
    const tags = [strong('4'), weak('a,b'), strong('')];
    expect(parseEntityTags(tags.map(formatEntityTag).join(', '))).toEqual(tags);
  });

  it('take no long time to find out, however long and odd they are', () => {
    const started = performance.now();
    for (const odd of [' ', '"', 'W/', '"a"', '"a" ', ',', ' ,', '"a",', '*', '" ']) {
      parseEntityTags(odd.repeat(100_000));
    }
    expect(performance.now() - started).toBeLessThan(2_000);
  });
});

// The table of RFC 9110, 8.8.3.2.
describe('two tags', () => {
  it.each<[EntityTag, EntityTag, { readonly strongly: boolean; readonly weakly: boolean }]>([
    [weak('1'), weak('1'), { strongly: false, weakly: true }],
    [weak('1'), weak('2'), { strongly: false, weakly: false }],
    [weak('1'), strong('1'), { strongly: false, weakly: true }],
    [strong('1'), weak('1'), { strongly: false, weakly: true }],
    [strong('1'), strong('1'), { strongly: true, weakly: true }],
  ])('%j and %j match: %j', (one, other, { strongly, weakly }) => {
    expect(matchesStrongly([one], other)).toBe(strongly);
    expect(matchesWeakly([one], other)).toBe(weakly);
  });

  it('match when one of several does', () => {
    expect(matchesStrongly([strong('1'), strong('2')], strong('2'))).toBe(true);
    expect(matchesWeakly([strong('1'), weak('2')], strong('2'))).toBe(true);
  });

  it('match when any will do', () => {
    expect(matchesStrongly('*', strong('2'))).toBe(true);
    expect(matchesWeakly('*', strong('2'))).toBe(true);
  });
});
