import { describe, expect, it } from 'vitest';
import { bounded } from './bounded-map.ts';

describe('A bounded map', () => {
  it('keeps the latest entries', () => {
    const map = bounded<number, string>(10);
    for (let n = 0; n < 100; n += 1) map.set(n, `${n}`);
    expect([95, 96, 97, 98, 99].map(map.get)).toEqual(['95', '96', '97', '98', '99']);
    expect(map.get(10)).toBeUndefined();
  });

  it('keeps what is used', () => {
    const map = bounded<number, string>(10);
    map.set(-1, 'used');
    for (let n = 0; n < 100; n += 1) {
      map.set(n, `${n}`);
      expect(map.get(-1)).toBe('used');
    }
  });

  it('gives the last value of a key', () => {
    const map = bounded<string, number>(4);
    for (const value of [1, 2, 3]) {
      map.set('a', value);
      map.set(`other ${value}`, 0);
      expect(map.get('a')).toBe(value);
    }
  });

  it('can be emptied', () => {
    const map = bounded<string, number>(4);
    map.set('a', 1);
    map.set('b', 1);
    map.clear();
    expect(map.get('a')).toBeUndefined();
  });
});
