import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { until } from '../../embedded/until.ts';
import { startLoop } from './lifecycle.ts';

const silent = pino({ level: 'silent' });
const tiny = { first: 8, longest: 32 };
const endless = { first: 1_000_000, longest: 1_000_000 };

describe('a loop', () => {
  it('is starting until it says that it is alive, and stopped in the end', async () => {
    const lifeline = Promise.withResolvers<() => void>();
    const loop = startLoop({
      name: 'projector',
      logger: silent,
      run: async (signal, alive) => {
        lifeline.resolve(alive);
        await aborted(signal);
      },
    });
    expect(loop.health()).toEqual({ name: 'projector', status: 'starting' });
    (await lifeline.promise)();
    expect(loop.health()).toEqual({ name: 'projector', status: 'running' });
    await loop.stop();
    expect(loop.health()).toEqual({ name: 'projector', status: 'stopped' });
  });

  it('stops when its run has ended, not before, however often it is told', async () => {
    const finishing = Promise.withResolvers<void>();
    const steps: string[] = [];
    const loop = startLoop({
      name: 'projector',
      logger: silent,
      run: async (signal) => {
        await aborted(signal);
        steps.push('told to stop');
        await finishing.promise;
        steps.push('run ended');
      },
    });
    const stops = [loop.stop(), loop.stop()].map((stop) => stop.then(() => steps.push('stopped')));
    await until(() => steps.length > 0, 20_000);
    expect(steps).toEqual(['told to stop']);
    expect(loop.health().status).not.toBe('stopped');
    finishing.resolve();
    await Promise.all(stops);
    await loop.stop();
    expect(steps).toEqual(['told to stop', 'run ended', 'stopped', 'stopped']);
  });

  it('takes an error of a run that was told to stop for its end', async () => {
    const { logger, lines } = recording();
    const loop = startLoop({
      name: 'projector',
      logger,
      run: async (signal) => {
        await aborted(signal);
        throw new Error('the connection was closed');
      },
    });
    await loop.stop();
    expect(loop.health()).toEqual({ name: 'projector', status: 'stopped' });
    expect(lines).toEqual([]);
  });
});

describe('a loop that fails', () => {
  it('starts again with pauses that grow up to a limit, half of each at random', async () => {
    const { pauses } = await failing({ times: 5 });
    expect(pauses).toHaveLength(5);
    for (const [failure, longest] of [8, 16, 32, 32, 32].entries()) {
      expect(pauses[failure]).toBeGreaterThanOrEqual(longest / 2);
      expect(pauses[failure]).toBeLessThanOrEqual(longest);
    }
  });

  it('starts again with the first pause after it was alive', async () => {
    const { pauses } = await failing({ times: 5, aliveAt: 4 });
    expect(pauses[2]).toBeGreaterThanOrEqual(16);
    expect(pauses[3]).toBeLessThanOrEqual(8);
    expect(pauses[4]).toBeGreaterThanOrEqual(8);
  });

  it('is failing, with the reason, until it is alive again', async () => {
    const { logger, lines } = recording();
    const calm = Promise.withResolvers<void>();
    let lives = 0;
    const loop = startLoop({
      name: 'publisher',
      logger,
      backoff: tiny,
      run: async (signal, alive) => {
        lives += 1;
        if (lives === 1) throw new Error('no route to host');
        await calm.promise;
        alive();
        await aborted(signal);
      },
    });
    expect(await until(() => lives === 2, 20_000)).toBe(true);
    expect(loop.health()).toEqual({ name: 'publisher', status: 'failing', error: 'no route to host' });
    calm.resolve();
    expect(await until(() => loop.health().status === 'running', 20_000)).toBe(true);
    expect(loop.health()).toEqual({ name: 'publisher', status: 'running' });
    await loop.stop();
    expect(lines.map(({ level, msg }) => [level, msg])).toEqual([
      [50, expect.stringMatching(/^publisher failed and starts again in \d+ ms$/)],
      [30, 'publisher works again'],
    ]);
  });

  it('is named in each line of the log, though its error has no message', async () => {
    const { logger, lines } = recording();
    const run = () => Promise.reject(new AggregateError([]));
    const loop = startLoop({ name: 'publisher', logger, backoff: tiny, run });
    expect(await until(() => lines.length >= 2, 20_000)).toBe(true);
    await loop.stop();
    expect(lines[1]?.msg).toBe('publisher failed again (AggregateError)');
  });

  it('stops at once while it waits to start again', async () => {
    let lives = 0;
    const loop = startLoop({
      name: 'publisher',
      logger: silent,
      backoff: endless,
      run: async () => {
        lives += 1;
        throw new Error('no route to host');
      },
    });
    expect(await until(() => loop.health().status === 'failing', 20_000)).toBe(true);
    await loop.stop();
    expect(loop.health()).toEqual({ name: 'publisher', status: 'stopped' });
    expect(lives).toBe(1);
  });

  it.each([
    ['returns without being told to', async () => undefined, 'publisher ended without being told to'],
    ['throws what is no error', () => Promise.reject('gone'), 'gone'],
    ['throws an error without a message', () => Promise.reject(new AggregateError([])), 'AggregateError'],
    [
      'throws before it returns a promise',
      () => {
        throw new Error('not even started');
      },
      'not even started',
    ],
  ])('has failed when its run %s', async (_, run, error) => {
    const loop = startLoop({ name: 'publisher', logger: silent, backoff: endless, run });
    expect(await until(() => loop.health().status === 'failing', 20_000)).toBe(true);
    expect(loop.health()).toEqual({ name: 'publisher', status: 'failing', error });
    await loop.stop();
  });

  /** The pauses after each of the failures of a loop that is alive in one of its lives, or in none. */
  async function failing({ times, aliveAt }: { times: number; aliveAt?: number }) {
    const { logger, lines } = recording();
    let lives = 0;
    const loop = startLoop({
      name: 'publisher',
      logger,
      backoff: tiny,
      run: async (signal, alive) => {
        lives += 1;
        if (lives === aliveAt) alive();
        if (lives <= times) throw new Error('no route to host');
        await aborted(signal);
      },
    });
    expect(await until(() => lives > times, 20_000)).toBe(true);
    await loop.stop();
    return { pauses: lines.flatMap(({ pause }) => pause ?? []) };
  }
});

interface Line {
  readonly level: number;
  readonly msg: string;
  readonly pause?: number;
}

function recording() {
  const lines: Line[] = [];
  return { lines, logger: pino({}, { write: (line: string) => lines.push(JSON.parse(line)) }) };
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
}
