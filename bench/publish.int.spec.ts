import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { leftBy, startBenchmark } from '../test/support/benchmark.ts';
import { temporaryFolder } from '../test/support/temporary-folder.ts';

const program = join(import.meta.dirname, 'publish.ts');

describe('the benchmark of publishing', () => {
  it('measures both, and leaves neither process nor file', { timeout: 120_000 }, async () => {
    await using folder = await temporaryFolder();
    const benchmark = startBenchmark(program, ['--quick'], folder.path);

    expect(await benchmark.code, benchmark.told()).toBe(0);
    expect(benchmark.told().match(/^\| (the publisher|bare pipelined|answer to receipt) .*\d/gm)).toHaveLength(3);
    expect(benchmark.told().match(/^aim: .*(met|missed), measured \d/gm)).toHaveLength(3);
    expect(benchmark.told()).not.toMatch(/NaN|Infinity/);
    expect(leftBy(folder.path)).toEqual({ files: [], processes: [] });
  });

  it('leaves neither when it is interrupted', { timeout: 120_000 }, async () => {
    await using folder = await temporaryFolder();
    const benchmark = startBenchmark(program, ['--quick', '--rounds', '1000'], folder.path);
    await vi.waitFor(() => expect(benchmark.told()).toContain('warming up'), 60_000);

    benchmark.kill('SIGINT');

    expect(await benchmark.code, benchmark.told()).toBe(130);
    expect(leftBy(folder.path)).toEqual({ files: [], processes: [] });
  });

  it.each([
    [['--rate', 'many'], "--rate is 'many'"],
    [['--slowly'], 'Say --help'],
  ])('says what is wrong with %j', async (args, reason) => {
    await using folder = await temporaryFolder();
    const benchmark = startBenchmark(program, args, folder.path);

    expect(await benchmark.code).toBe(1);
    expect(benchmark.told()).toContain(reason);
  });
});
