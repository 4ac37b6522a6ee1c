import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { interruptBenchmark, nothing, runBenchmark } from '../test/support/benchmark.ts';

const program = join(import.meta.dirname, 'queries.ts');

describe('the benchmark of queries', () => {
  it('measures all, finds the same answers, and leaves neither process nor file', { timeout: 240_000 }, async () => {
    const { code, told, left } = await runBenchmark(program, ['--quick', '--seconds', '0.2']);

    expect(code, told).toBe(0);
    for (const measure of ['one', 'list', 'of a factory']) {
      expect(told).toMatch(new RegExp(`^\\| ${measure} +\\| +1,000 \\|.*\\d`, 'm'));
      expect(told).toMatch(new RegExp(`^\\| ${measure} +\\| +2,000 \\|.*\\d`, 'm'));
    }
    expect(told).toMatch(/^aim: one, 1,000 gateways: at least 0.9 times .*(met|missed), measured \d/m);
    expect(told).toMatch(/^aim: a page by cursor in the middle of 2,000 .*(met|missed), measured \d/m);
    expect(told).not.toMatch(/NaN|Infinity/);
    expect(left).toEqual(nothing);
  });

  it('leaves neither when it is interrupted', { timeout: 120_000 }, async () => {
    const args = ['--quick', '--gateways', '200', '--seconds', '60'];
    const { code, told, left } = await interruptBenchmark(program, args, 'writing 1,000 gateways');

    expect(code, told).toBe(130);
    expect(left).toEqual(nothing);
  });
});
