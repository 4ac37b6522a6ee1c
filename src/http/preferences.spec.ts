import { describe, expect, it } from 'vitest';
import { preferenceApplied, preferencesOf } from './preferences.ts';

describe('the preferences of a request', () => {
  it.each<[string | readonly string[] | undefined, string | undefined]>([
    [undefined, undefined],
    ['', undefined],
    [',,', undefined],
    ['respond-async', 'respond-async'],
    ['Respond-Async', 'respond-async'],
    [' respond-async ', 'respond-async'],
    ['respond-async=""', 'respond-async'],
    ['respond-async; foo=bar', 'respond-async'],
    ['respond-async;foo="a,b;c"', 'respond-async'],
    ['return=minimal, respond-async', 'respond-async'],
    [['return=minimal', 'respond-async'], 'respond-async'],
    ['respond-async=yes', undefined],
    ['respond-asynchronously', undefined],
    ['x=respond-async', undefined],
    ['x="a, respond-async"', undefined],
    ['x="a\\", respond-async"', undefined],
    ['x="a\\\\", respond-async', 'respond-async'],
    ['x="never closed, respond-async', undefined],
    ['bad name, respond-async', 'respond-async'],
    ['wait=5', 'wait=5'],
    ['WAIT=5', 'wait=5'],
    ['wait = 5', 'wait=5'],
    ['wait="5"', 'wait=5'],
    ['wait="\\5"', 'wait=5'],
    ['wait=0', 'wait=0'],
    ['wait=007', 'wait=7'],
    ['wait=30', 'wait=30'],
    ['wait=31', 'wait=30'],
    ['wait=99999999999999999999999', 'wait=30'],
    ['wait', undefined],
    ['wait=', undefined],
    ['wait=-1', undefined],
    ['wait=1.5', undefined],
    ['wait=1e1', undefined],
    ['wait=soon', undefined],
    ['wait="5', undefined],
    ['wait=5 6', undefined],
    ['wait=2, wait=9', 'wait=2'],
    ['wait=soon, wait=9', undefined],
    ['wait=5, respond-async', 'respond-async, wait=5'],
    ['respond-async,wait=5;x', 'respond-async, wait=5'],
    ['handling=lenient, wait=5, return=representation', 'wait=5'],
  ])('%j are taken as %j', (header, applied) => {
    expect(preferenceApplied(preferencesOf(header))).toBe(applied);
  });

  it('take no long time to find out, however long and odd they are', () => {
    const started = performance.now();
    for (const odd of [' ', '"', '\\"', '"\\', ',', ';', '=', 'a=', 'a ', '",']) {
      expect(preferencesOf(odd.repeat(100_000))).toEqual({ respondAsync: false, wait: undefined });
    }
    expect(performance.now() - started).toBeLessThan(2_000);
  });
});
