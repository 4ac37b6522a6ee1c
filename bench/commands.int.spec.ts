import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { interruptBenchmark, nothing, runBenchmark } from '../test/support/benchmark.ts';

const program = join(import.meta.dirname, 'commands.ts');

describe('the benchmark of the commands', () => {
  it('measures all of them, and leaves neither process nor file', { timeout: 240_000 }, async () => {
    const { code, told, left } = await runBenchmark(program, ['--quick', '--commands', '128']);

    expect(code, told).toBe(0);
    expect(told.match(/^\| (append|POST|PUT|INSERT|UPDATE).* [\d,]+ \(/gm)).toHaveLength(7);
    expect(told.match(/^aim: .*(met|missed), measured \d/gm)).toHaveLength(4);
    expect(told).not.toMatch(/NaN|Infinity/);
    expect(left).toEqual(nothing);
  });

  it('leaves neither when it is interrupted', { timeout: 240_000 }, async () => {
    const args = ['--quick', '--commands', '64', '--rounds', '1000'];
    const { code, told, left } = await interruptBenchmark(program, args, 'starting the servers');

    expect(code, told).toBe(130);
    expect(left).toEqual(nothing);
  });
});
