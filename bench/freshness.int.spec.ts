import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { interruptBenchmark, nothing, runBenchmark } from '../test/support/benchmark.ts';

const program = join(import.meta.dirname, 'freshness.ts');

describe('the benchmark of the freshness', () => {
  it('measures both, and leaves neither process nor file', { timeout: 120_000 }, async () => {
    const { code, told, left } = await runBenchmark(program, ['--quick']);

    expect(code, told).toBe(0);
    expect(told).toMatch(/^\| from the answer until the row is visible .*\d/m);
    expect(told).toMatch(/^\| from the answer until a subscription has the event .*\d/m);
    expect(told).toMatch(/^aim: 99 % within 25 ms: (met|missed), measured \d/m);
    expect(told).not.toMatch(/NaN|Infinity/);
    expect(left).toEqual(nothing);
  });

  it('leaves neither when it is interrupted', { timeout: 120_000 }, async () => {
    const { code, told, left } = await interruptBenchmark(
      program,
      ['--quick', '--seconds', '60'],
      'starting the servers',
    );

    expect(code, told).toBe(130);
    expect(left).toEqual(nothing);
  });
});
