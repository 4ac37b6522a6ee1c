import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { leftBy, startBenchmark } from '../test/support/benchmark.ts';
import { temporaryFolder } from '../test/support/temporary-folder.ts';

const program = join(import.meta.dirname, 'heartbeats.ts');

describe('the benchmark of heartbeats', () => {
  it('measures all who listen, of whom the bare one writes nothing, and leaves neither process nor file', {
    timeout: 120_000,
  }, async () => {
    await using folder = await temporaryFolder();
    const benchmark = startBenchmark(program, ['--quick', '--seconds', '4'], folder.path);

    expect(await benchmark.code, benchmark.told()).toBe(0);
    expect(benchmark.told().match(/^300 gateways came online: all were in the tables \d/gm)).toHaveLength(1);
    expect(benchmark.told().match(/^\| (the registry|a bare subscriber).*\d/gm)).toHaveLength(8);
    expect(benchmark.told().match(/^aim: .*(met|missed), measured \d/gm)).toHaveLength(4);
    expect(benchmark.told()).not.toMatch(/NaN|Infinity/);
    const rowsOf = (who: string) =>
      Number(new RegExp(`^\\| ${who} +\\| +\\d+ \\| +(\\d+) \\|`, 'm').exec(benchmark.told())?.[1]);
    expect(rowsOf('a bare subscriber')).toBe(0);
    expect(rowsOf('the registry')).toBeGreaterThan(0);
    expect(rowsOf('the registry, writing every beat')).toBeGreaterThan(rowsOf('the registry'));
    expect(leftBy(folder.path)).toEqual({ files: [], processes: [] });
  });

  it('measures what a flush costs in each way, and leaves neither process nor file', { timeout: 240_000 }, async () => {
    await using folder = await temporaryFolder();
    const benchmark = startBenchmark(program, ['--indexes', '--quick'], folder.path);

    expect(await benchmark.code, benchmark.told()).toBe(0);
    expect(benchmark.told().match(/^\| [24],000 gateways, for each row/gm)).toHaveLength(2);
    expect(benchmark.told().match(/^\| as it is .*\d/gm)).toHaveLength(3);
    // Rows whose columns are in no index are written without touching one, as far as there is room beside them.
    const [kept, freed] = ['as it is', 'fillfactor 80, without any on last_seen_at'].map((variant) =>
      Number(new RegExp(`^\\| ${variant} .* (\\d+) \\|$`, 'm').exec(benchmark.told())?.[1]),
    );
    expect(kept).toBe(0);
    expect(freed).toBeGreaterThan(10);
    expect(leftBy(folder.path)).toEqual({ files: [], processes: [] });
  });

  it.each([
    [['--quick', '--rounds', '1000'], 'round 1 of'],
    [['--quick', '--indexes', '--many', '300000'], 'writing 300,000'],
  ])('leaves neither when it is interrupted: %j', { timeout: 120_000 }, async (args, progress) => {
    await using folder = await temporaryFolder();
    const benchmark = startBenchmark(program, args, folder.path);
    await vi.waitFor(() => expect(benchmark.told()).toContain(progress), 60_000);

    benchmark.kill('SIGINT');

    expect(await benchmark.code, benchmark.told()).toBe(130);
    expect(leftBy(folder.path)).toEqual({ files: [], processes: [] });
  });

  it.each([
    [['--gateways', 'many'], "--gateways is 'many'"],
    [['--indexes', '--minutes', '0'], "--minutes is '0'"],
    [['--slowly'], 'Say --help'],
  ])('says what is wrong with %j', async (args, reason) => {
    await using folder = await temporaryFolder();
    const benchmark = startBenchmark(program, args, folder.path);

    expect(await benchmark.code).toBe(1);
    expect(benchmark.told()).toContain(reason);
  });
});
