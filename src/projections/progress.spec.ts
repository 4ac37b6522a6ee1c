import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { comparePositions, createProgress } from './progress.ts';

function at(commit: bigint, prepare = commit) {
  return { commit, prepare };
}

describe('the progress of the read model', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });

  afterEach(() => {
    expect(vi.getTimerCount(), 'timers left behind').toBe(0);
    vi.useRealTimers();
  });

  it('is nowhere before it was announced', () => {
    expect(createProgress().current()).toBeUndefined();
  });

  it('is where it was announced last', () => {
    const progress = createProgress();
    progress.announce(at(200n));
    progress.announce(at(100n));
    expect(progress.current()).toEqual(at(100n));
  });

  it('has reached what stands at or before it', async () => {
    const progress = createProgress();
    progress.announce(at(200n));
    expect(await progress.reached(at(200n), 1_000)).toBe(true);
    expect(await progress.reached(at(100n), 1_000)).toBe(true);
  });

  it('tells those who wait when it reaches their position, and not before', async () => {
    const progress = createProgress();
    const told: string[] = [];
    const near = progress.reached(at(100n), 1_000).then(() => told.push('near'));
    const far = progress.reached(at(300n), 1_000).then(() => told.push('far'));
    progress.announce(at(200n));
    await near;
    expect(told).toEqual(['near']);
    progress.announce(at(300n));
    await far;
    expect(told).toEqual(['near', 'far']);
  });

  it('tells those who have waited long enough that it is not there', async () => {
    const progress = createProgress();
    progress.announce(at(100n));
    const reached = progress.reached(at(200n), 1_000);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await reached).toBe(false);
  });
});

describe('positions', () => {
  it('are compared by commit and then by prepare, exactly to 64 bits', () => {
    const last = 2n ** 64n - 1n;
    expect(comparePositions(at(last), at(last - 1n))).toBeGreaterThan(0);
    expect(comparePositions(at(last, 1n), at(last, 2n))).toBeLessThan(0);
    expect(comparePositions(at(last), at(last))).toBe(0);
  });
});
