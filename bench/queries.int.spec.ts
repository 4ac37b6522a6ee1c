import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { leftBy, startBenchmark } from '../test/support/benchmark.ts';
import { temporaryFolder } from '../test/support/temporary-folder.ts';

const program = join(import.meta.dirname, 'queries.ts');

describe('the benchmark of queries', () => {
  it('measures all, finds the same answers, and leaves neither process nor file', { timeout: 240_000 }, async () => {
    await using folder = await temporaryFolder();
    const benchmark = startBenchmark(program, ['--quick'], folder.path);

    expect(await benchmark.code, benchmark.told()).toBe(0);
    for (const measure of ['one', 'list', 'of a factory']) {
      expect(benchmark.told()).toMatch(new RegExp(`^\\| ${measure} +\\| +10,000 \\|.*\\d`, 'm'));
      expect(benchmark.told()).toMatch(new RegExp(`^\\| ${measure} +\\| +20,000 \\|.*\\d`, 'm'));
    }
    expect(benchmark.told()).toMatch(/^aim: one, 10,000 gateways: at least 0.9 times .*(met|missed), measured \d/m);
    expect(benchmark.told()).toMatch(/^aim: a page by cursor in the middle of 20,000 .*(met|missed), measured \d/m);
    expect(benchmark.told()).not.toMatch(/NaN|Infinity/);
    expect(leftBy(folder.path)).toEqual({ files: [], processes: [] });
  });

  it('leaves neither when it is interrupted', { timeout: 120_000 }, async () => {
    await using folder = await temporaryFolder();
    const benchmark = startBenchmark(program, ['--quick', '--seconds', '60'], folder.path);
    await vi.waitFor(() => expect(benchmark.told()).toContain('warming up'), 100_000);

    benchmark.kill('SIGINT');

    expect(await benchmark.code, benchmark.told()).toBe(130);
    expect(leftBy(folder.path)).toEqual({ files: [], processes: [] });
  });

  it.each([
    [['--gateways', 'many'], "--gateways is 'many'"],
    [['--slowly'], 'Say --help'],
  ])('says what is wrong with %j', async (args, reason) => {
    await using folder = await temporaryFolder();
    const benchmark = startBenchmark(program, args, folder.path);

    expect(await benchmark.code).toBe(1);
    expect(benchmark.told()).toContain(reason);
  });
});
