import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { interruptBenchmark, nothing, runBenchmark } from '../test/support/benchmark.ts';

const program = join(import.meta.dirname, 'replay.ts');

describe('the benchmark of the replay', () => {
  it('measures each way, and leaves neither process nor file', { timeout: 120_000 }, async () => {
    const { code, told, left } = await runBenchmark(program, ['--quick']);

    expect(code, told).toBe(0);
    expect(told.match(/^\| (drain|rebuild) +\| +1,000 \|.*\d/gm)).toHaveLength(2);
    expect(told.match(/^\| (drain|rebuild|one by one) +\| +10,000 \|.*\d/gm)).toHaveLength(3);
    expect(told.match(/^aim: .*(met|missed), measured \d/gm)).toHaveLength(4);
    expect(told).not.toMatch(/NaN|Infinity/);
    expect(left).toEqual(nothing);
  });

  it('leaves neither when it is interrupted', { timeout: 120_000 }, async () => {
    const { code, told, left } = await interruptBenchmark(program, ['--quick', '--rounds', '1000'], 'round 1 of');

    expect(code, told).toBe(130);
    expect(left).toEqual(nothing);
  });

  it('says what is wrong with its command line', async () => {
    const { code, told } = await runBenchmark(program, ['--events', 'many']);

    expect(code).toBe(1);
    expect(told).toContain("--events is 'many', which is not a whole number from 1 on.");
  });
});
