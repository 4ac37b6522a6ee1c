import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { interruptBenchmark, nothing, runBenchmark } from '../test/support/benchmark.ts';
import { measures } from './event-store-measures.ts';

const program = join(import.meta.dirname, 'event-store.ts');

describe('the benchmark of the event store', () => {
  it('measures everything, and leaves neither process nor file', { timeout: 120_000 }, async () => {
    const { code, told, left } = await runBenchmark(program, ['--quick']);

    expect(code, told).toBe(0);
    for (const { title } of measures) expect(told).toMatch(new RegExp(`^\\| ${escaped(title)} .*\\d`, 'm'));
    expect(told).toMatch(/aim: .* at least 5,000 a second: (met|missed), measured \d/);
    expect(told).toMatch(/aim: .* MB resident .*: (met|missed), measured \d/);
    expect(told).not.toMatch(/NaN|Infinity/);
    expect(left).toEqual(nothing);
  });

  it.each(['SIGINT', 'SIGTERM'] as const)('leaves neither when %s ends it', { timeout: 120_000 }, async (signal) => {
    const args = ['--quick', '--seconds', '60'];
    const { code, told, left } = await interruptBenchmark(program, args, 'warming up', signal);

    expect(code, told).toBe(130);
    expect(left).toEqual(nothing);
  });
});

function escaped(text: string): string {
  return text.replaceAll('$', '\\$');
}
