import { describe, expect, it } from 'vitest';
import { byTurns, ratioOf, spreadOf, spreadText, tableOf } from './rounds.ts';

describe('a spread', () => {
  it('has the middle value, or the mean of the two in the middle', () => {
    expect(spreadOf([3, 1, 2])).toEqual({ median: 2, min: 1, max: 3 });
    expect(spreadOf([4, 1, 2, 3])).toEqual({ median: 2.5, min: 1, max: 4 });
    expect(spreadOf([7])).toEqual({ median: 7, min: 7, max: 7 });
  });

  it('of a ratio compares what was measured in the same round', () => {
    expect(ratioOf([10, 40], [10, 20])).toEqual({ median: 1.5, min: 1, max: 2 });
  });

  it('is told with two decimals', () => {
    expect(spreadText({ median: 1.239, min: 1.1, max: 2 })).toBe('1.24 (1.10–2.00)');
  });
});

describe('turns', () => {
  it('change their direction from round to round', async () => {
    const visits: string[] = [];
    for (const round of [0, 1]) await byTurns(['a', 'b'], round, async (subject) => void visits.push(subject));
    expect(visits).toEqual(['a', 'b', 'b', 'a']);
  });
});

describe('a table', () => {
  it('is Markdown, with numbers to the right', () => {
    expect(tableOf(['what', 'per second'], [['appends', '1']])).toBe(
      ['| what    | per second |', '|---------|-----------:|', '| appends |          1 |'].join('\n'),
    );
  });
});
