import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { leftBy, startBenchmark } from '../test/support/benchmark.ts';
import { temporaryFolder } from '../test/support/temporary-folder.ts';
import { measures } from './event-store-measures.ts';

const program = join(import.meta.dirname, 'event-store.ts');

describe('the benchmark of the event store', () => {
  it('measures everything, and leaves neither process nor file', { timeout: 120_000 }, async () => {
    await using folder = await temporaryFolder();
    const benchmark = startBenchmark(program, ['--quick'], folder.path);

    expect(await benchmark.code, benchmark.told()).toBe(0);
    for (const { title } of measures) expect(benchmark.told()).toMatch(new RegExp(`^\\| ${escaped(title)} .*\\d`, 'm'));
    expect(benchmark.told()).toMatch(/aim: .* at least 5,000 a second: (met|missed), measured \d/);
    expect(benchmark.told()).toMatch(/aim: .* MB resident .*: (met|missed), measured \d/);
    expect(benchmark.told()).not.toMatch(/NaN|Infinity/);
    expect(leftBy(folder.path)).toEqual({ files: [], processes: [] });
  });

  it.each(['SIGINT', 'SIGTERM'] as const)('leaves neither when %s ends it', { timeout: 120_000 }, async (signal) => {
    await using folder = await temporaryFolder();
    const benchmark = startBenchmark(program, ['--quick', '--seconds', '60'], folder.path);
    await vi.waitFor(() => expect(benchmark.told()).toContain('warming up'), 20_000);
    await vi.waitFor(() => expect(leftBy(folder.path).processes).not.toEqual([]), 20_000);

    benchmark.kill(signal);

    expect(await benchmark.code, benchmark.told()).toBe(130);
    expect(leftBy(folder.path)).toEqual({ files: [], processes: [] });
  });

  it.each([
    [['--events', 'many'], "--events is 'many'"],
    [['--events', '500', '--read', '1000'], 'no 1000 to read'],
    [['--slowly'], 'Say --help'],
  ])('says what is wrong with %j', async (args, reason) => {
    await using folder = await temporaryFolder();
    const benchmark = startBenchmark(program, args, folder.path);

    expect(await benchmark.code).toBe(1);
    expect(benchmark.told()).toContain(reason);
  });
});

function escaped(text: string): string {
  return text.replaceAll('$', '\\$');
}
