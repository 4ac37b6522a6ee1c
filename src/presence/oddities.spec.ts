import { pino } from 'pino';
import { expect, it } from 'vitest';
import { createOddities } from './oddities.ts';

it('tells of heartbeats that count for nobody, once, with one of them, and nothing when there are none', () => {
  const lines: Record<string, unknown>[] = [];
  const oddities = createOddities(pino({}, { write: (line) => lines.push(JSON.parse(line)) }));
  oddities.tell();
  expect(lines).toEqual([]);
  oddities.note('mti.hb.v1.a.GW-1');
  oddities.note(`mti.hb.v1.b.${'x'.repeat(1_000)}`);
  oddities.tell();
  oddities.tell();
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatchObject({ count: 2, example: expect.stringMatching(/^mti\.hb\.v1\.b\.x{188}$/) });
});
