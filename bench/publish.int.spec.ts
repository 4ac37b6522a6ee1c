import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { interruptBenchmark, nothing, runBenchmark } from '../test/support/benchmark.ts';

const program = join(import.meta.dirname, 'publish.ts');

describe('the benchmark of publishing', () => {
  it('measures both, and leaves neither process nor file', { timeout: 120_000 }, async () => {
    const { code, told, left } = await runBenchmark(program, ['--quick']);

    expect(code, told).toBe(0);
    expect(told.match(/^\| (the publisher|bare pipelined|answer to receipt) .*\d/gm)).toHaveLength(3);
    expect(told.match(/^aim: .*(met|missed), measured \d/gm)).toHaveLength(3);
    expect(told).not.toMatch(/NaN|Infinity/);
    expect(left).toEqual(nothing);
  });

  it('leaves neither when it is interrupted', { timeout: 120_000 }, async () => {
    const { code, told, left } = await interruptBenchmark(
      program,
      ['--quick', '--rounds', '1000'],
      'starting the servers',
    );

    expect(code, told).toBe(130);
    expect(left).toEqual(nothing);
  });
});
