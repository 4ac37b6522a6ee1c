import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Checkpoint } from './checkpoint.ts';
import { comparePositions, createProgress } from './progress.ts';

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

  it.each<[string, Checkpoint, Checkpoint, bigint]>([
    ['a later position', shown(1n, 100n), shown(1n, 200n), 200n],
    ['a newer epoch at a later position', shown(1n, 100n), shown(2n, 200n), 200n],
    ['a newer epoch that is behind: it was made anew', shown(1n, 200n), shown(2n, 100n), 100n],
    ['an earlier position no longer', shown(1n, 200n), shown(1n, 100n), 200n],
    ['the same again as nothing new', shown(1n, 200n), shown(1n, 200n), 200n],
    ['an older epoch no longer, wherever it stands', shown(2n, 100n), shown(1n, 200n), 100n],
  ])('takes %s', (_, first, second, expected) => {
    const progress = createProgress();
    progress.announce(first);
    progress.announce(second);
    expect(progress.current()).toEqual(at(expected));
  });

  it('is nowhere again when it was made anew and has begun with nothing', async () => {
    const progress = createProgress();
    progress.announce(shown(1n, 100n));
    progress.announce({ epoch: 2n, position: undefined });
    expect(progress.current()).toBeUndefined();
    expect(await progress.reached(at(100n), 0)).toBe(false);
  });

  it('goes back to a lower epoch when the table says so, and then follows it', () => {
    const progress = createProgress();
    progress.announce(shown(7n, 900n));
    progress.resume(shown(1n, 100n));
    expect(progress.current()).toEqual(at(100n));
    progress.announce(shown(1n, 150n));
    expect(progress.current()).toEqual(at(150n));
  });

  it('is not put back by what was read before it moved on', () => {
    const progress = createProgress();
    progress.announce(shown(1n, 200n));
    progress.resume(shown(1n, 100n));
    expect(progress.current()).toEqual(at(200n));
  });

  it('tells for how long it has not moved', () => {
    const progress = createProgress();
    vi.advanceTimersByTime(5_000);
    expect(progress.unmovedFor()).toBe(5_000);
    progress.announce(shown(1n, 100n));
    expect(progress.unmovedFor()).toBe(0);
    vi.advanceTimersByTime(3_000);
    progress.announce(shown(1n, 100n));
    progress.announce(shown(1n, 50n));
    expect(progress.unmovedFor()).toBe(3_000);
  });

  it('has reached what stands at or before it', async () => {
    const progress = createProgress();
    progress.announce(shown(1n, 200n));
    expect(await progress.reached(at(200n), 1_000)).toBe(true);
    expect(await progress.reached(at(100n), 0)).toBe(true);
  });

  it('tells those who wait when it reaches their position, and not before', async () => {
    const progress = createProgress();
    const told: string[] = [];
    const near = progress.reached(at(100n), 1_000).then(() => told.push('near'));
    const far = progress.reached(at(300n), 1_000).then(() => told.push('far'));
    progress.announce(shown(1n, 200n));
    await near;
    expect(told).toEqual(['near']);
    progress.announce(shown(1n, 300n));
    await far;
    expect(told).toEqual(['near', 'far']);
  });

  it('tells those who wait when the table was read, too', async () => {
    const progress = createProgress();
    const reached = progress.reached(at(100n), 1_000);
    progress.resume(shown(1n, 100n));
    expect(await reached).toBe(true);
  });

  it('tells those who have waited long enough that it is not there', async () => {
    const progress = createProgress();
    progress.announce(shown(1n, 100n));
    const reached = progress.reached(at(200n), 1_000);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await reached).toBe(false);
  });

  it('tells at once those who do not want to wait', async () => {
    expect(await createProgress().reached(at(200n), 0)).toBe(false);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('lets go of those who have gone away', async () => {
    const progress = createProgress();
    const gone = new AbortController();
    const listening = vi.spyOn(gone.signal, 'removeEventListener');
    const reached = progress.reached(at(200n), 1_000, gone.signal);
    gone.abort();
    expect(await reached).toBe(false);
    expect(vi.getTimerCount()).toBe(0);
    expect(await progress.reached(at(200n), 1_000, gone.signal)).toBe(false);
    expect(listening).toHaveBeenCalledOnce();
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

function at(commit: bigint, prepare = commit) {
  return { commit, prepare };
}

function shown(epoch: bigint, commit: bigint): Checkpoint {
  return { epoch, position: at(commit) };
}
