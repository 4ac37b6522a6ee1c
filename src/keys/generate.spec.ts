import { expect, it } from 'vitest';
import { parseKeys } from '../infrastructure/key-ring.ts';
import { newEntry } from './generate.ts';

it('a new entry is a key of a ring, with its day in its id, and never the same', () => {
  const now = new Date('2026-01-02T03:04:05Z');
  const entries = Array.from({ length: 100 }, () => newEntry(now));
  expect(parseKeys(entries.join(','))).toHaveLength(100);
  expect(new Set(entries.map((entry) => entry.split(':')[1])).size).toBe(100);
  for (const entry of entries) expect(entry).toMatch(/^2026-01-02-[0-9a-f]{6}:/);
});
