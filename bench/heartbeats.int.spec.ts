import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { interruptBenchmark, nothing, runBenchmark } from '../test/support/benchmark.ts';

const program = join(import.meta.dirname, 'heartbeats.ts');

describe('the benchmark of heartbeats', () => {
  it('measures all who listen, of whom the bare one writes nothing, and leaves neither process nor file', {
    timeout: 120_000,
  }, async () => {
    const { code, told, left } = await runBenchmark(program, ['--quick', '--seconds', '4']);

    expect(code, told).toBe(0);
    expect(told.match(/^300 gateways came online: all were in the tables \d/gm)).toHaveLength(1);
    expect(told.match(/^\| (the registry|a bare subscriber).*\d/gm)).toHaveLength(8);
    expect(told.match(/^aim: .*(met|missed), measured \d/gm)).toHaveLength(4);
    expect(told).not.toMatch(/NaN|Infinity/);
    const rowsOf = (who: string) => Number(new RegExp(`^\\| ${who} +\\| +\\d+ \\| +(\\d+) \\|`, 'm').exec(told)?.[1]);
    expect(rowsOf('a bare subscriber')).toBe(0);
    expect(rowsOf('the registry')).toBeGreaterThan(0);
    expect(rowsOf('the registry, writing every beat')).toBeGreaterThan(rowsOf('the registry'));
    expect(left).toEqual(nothing);
  });

  it('measures what a flush costs in each way, and leaves neither process nor file', { timeout: 240_000 }, async () => {
    const { code, told, left } = await runBenchmark(program, ['--indexes', '--quick']);

    expect(code, told).toBe(0);
    expect(told.match(/^\| [24],000 gateways, for each row/gm)).toHaveLength(2);
    expect(told.match(/^\| as it is .*\d/gm)).toHaveLength(3);
    // Rows whose columns are in no index are written without touching one, as far as there is room beside them.
    const [kept, freed] = ['as it is', 'fillfactor 80, without any on last_seen_at'].map((variant) =>
      Number(new RegExp(`^\\| ${variant} .* (\\d+) \\|$`, 'm').exec(told)?.[1]),
    );
    expect(kept).toBe(0);
    expect(freed).toBeGreaterThan(10);
    expect(left).toEqual(nothing);
  });

  it.each([
    [['--quick', '--rounds', '1000'], 'waiting until all are online'],
    [['--quick', '--indexes', '--gateways', '100', '--many', '300000'], 'writing 300,000'],
  ])('leaves neither when it is interrupted: %j', { timeout: 120_000 }, async (args, progress) => {
    const { code, told, left } = await interruptBenchmark(program, args, progress);

    expect(code, told).toBe(130);
    expect(left).toEqual(nothing);
  });
});
