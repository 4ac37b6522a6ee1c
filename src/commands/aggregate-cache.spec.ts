import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { now } from '../../test/support/examples.ts';
import { memoryLog } from '../../test/support/memory-log.ts';
import type { EventLog } from '../events/event-log.ts';
import { type AggregateCache, createAggregateCache } from './aggregate-cache.ts';
import type { CommandDependencies, Outcome } from './handler.ts';
import { commands } from './index.ts';
import type { Loaded } from './load.ts';

const megabyte = 1024 * 1024;

describe('what is remembered', () => {
  it('is what was put last', () => {
    const cache = createAggregateCache(megabyte);
    cache.put('a', at(0n));
    cache.put('a', at(1n));
    expect(cache.get('a')?.revision).toBe(1n);
  });

  it('is never replaced by something older', () => {
    const cache = createAggregateCache(megabyte);
    cache.put('a', at(5n));
    cache.put('a', at(4n));
    expect(cache.get('a')?.revision).toBe(5n);
  });

  it('is not that there was nothing', () => {
    const cache = createAggregateCache(megabyte);
    cache.put('a', { state: 'none', resource: undefined, revision: 'no_stream', last: undefined });
    expect(cache.get('a')).toBeUndefined();
  });

  it('has a bound: what was used least recently is forgotten', () => {
    const cache = createAggregateCache(18_000);
    for (const stream of ['a', 'b', 'c']) cache.put(stream, at(0n, 'x'.repeat(1_000)));
    cache.get('a');
    cache.put('d', at(0n, 'x'.repeat(1_000)));
    expect(['a', 'b', 'c', 'd'].map((stream) => cache.get(stream) !== undefined)).toEqual([true, false, true, true]);
  });
});

describe('the bound', () => {
  it('holds for what takes far more memory than its text is long', () => {
    setFlagsFromString('--expose-gc');
    const collect: () => void = runInNewContext('gc');
    const cache = createAggregateCache(16 * megabyte);
    collect();
    const before = process.memoryUsage().heapUsed;
    for (let n = 0; n < 150; n++) {
      const metadata = JSON.parse(`{"a":[${Array(21_000).fill('{}').join()}]}`) as object;
      cache.put(`stream ${n}`, at(0n, metadata));
    }
    collect();
    expect((process.memoryUsage().heapUsed - before) / megabyte).toBeLessThan(32);
    expect(cache.get('stream 149')).toBeDefined();
  });
});

describe('a shared reading', () => {
  it('is one for all who ask while another is under way', async () => {
    const cache = createAggregateCache(megabyte);
    const readings = pausedReadings();
    const asked = [1, 2, 3, 4].map(() => cache.share('a', readings.read));
    expect(readings.begun()).toBe(1);
    readings.end(at(0n));
    expect((await asked[0])?.revision).toBe(0n);
    await readings.beginning(2);
    readings.end(at(1n));
    expect((await Promise.all(asked)).map(({ revision }) => revision)).toEqual([0n, 1n, 1n, 1n]);
    expect(readings.begun()).toBe(2);
  });

  it('is none of another stream', () => {
    const cache = createAggregateCache(megabyte);
    const readings = pausedReadings();
    void cache.share('a', readings.read);
    void cache.share('b', readings.read);
    expect(readings.begun()).toBe(2);
  });

  it('that fails is told to who asked for it, and the next one begins all the same', async () => {
    const cache = createAggregateCache(megabyte);
    const failing = cache.share('a', () => Promise.reject(new Error('away')));
    const next = cache.share('a', async () => at(0n));
    await expect(failing).rejects.toThrow('away');
    expect((await next).revision).toBe(0n);
    expect((await cache.share('a', async () => at(1n))).revision).toBe(1n);
  });
});

describe('a process that remembers aggregates', () => {
  it('answers every command as one that reads each stream anew, whatever others do beside it', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(aStep, { minLength: 5, maxLength: 60 }), async (steps) => {
        const [shared, oracle] = [memoryLog(), memoryLog()];
        const caches = [createAggregateCache(megabyte), createAggregateCache(6_000)] as const;
        for (const step of steps) {
          const outcome = await run(step, shared, caches[step.process]);
          expect(withoutPlace(outcome)).toEqual(withoutPlace(await run(step, oracle, undefined)));
        }
      }),
      { numRuns: 300 },
    );
  });
});

type Step = Readonly<{
  process: 0 | 1;
  name: string;
  kind: string;
  one: number;
  other: number;
  word: number;
  onlyAt: number;
}>;

const ids = {
  organization: [0, 1].map((n) => `0194a000-0000-7000-8000-00000000000${n}`),
  factory: [0, 1].map((n) => `0194b000-0000-7000-8000-00000000000${n}`),
  gateway: [0, 1, 2].map((n) => `0194c000-0000-7000-8000-00000000000${n}`),
};

const aStep: fc.Arbitrary<Step> = fc.record({
  process: fc.constantFrom(0 as const, 1 as const),
  name: fc.constantFrom('Create', 'Create', 'Update', 'Update', 'Move', 'SoftDelete', 'Restore'),
  kind: fc.constantFrom('Organization', 'Factory', 'Gateway', 'Gateway'),
  one: fc.nat(2),
  other: fc.nat(1),
  word: fc.nat(2),
  onlyAt: fc.nat(12),
});

async function run(
  step: Step,
  log: EventLog,
  cache: AggregateCache | undefined,
): Promise<Outcome<unknown> | 'no such'> {
  const { name, kind, one, other, word, onlyAt } = step;
  const command = commands.find((candidate) => candidate.name === `${name}${kind}`);
  if (command === undefined) return 'no such';
  const category = ids[command.category];
  const dependencies: CommandDependencies = {
    log,
    ...(cache && { cache }),
    sealPassword: (password) => `sealed ${password}`,
    hasActiveChildren: async () => false,
    now: () => new Date(now),
    reservationGrace: 0,
  };
  const sender = { actor: 'a-tester', correlationId: 'a-correlation', ...(onlyAt < 6 && { onlyAt: [BigInt(onlyAt)] }) };
  const body = command.body?.parse(bodyOf(step, other, word));
  return command.run(dependencies, {
    id: category[one % category.length] as string,
    body,
    query: command.query?.parse({}),
    sender: name === 'Create' ? { actor: 'a-tester', correlationId: 'a-correlation' } : sender,
  });
}

function bodyOf({ name, kind }: Step, other: number, word: number): object {
  const gateway = { gateway_id: `device ${word}`, name: `name ${word}` };
  const login = { url: 'ws://10.0.0.1', email: 'a@acme.example', password: 'hunter2' };
  if (name === 'Move') return { factory_id: ids.factory[other] };
  if (kind !== 'Gateway') {
    const parent = kind === 'Factory' && name === 'Create' ? { organization_id: ids.organization[other] } : {};
    return { name: `name ${word}`, ...parent };
  }
  return name === 'Create' ? { ...gateway, ...login, factory_id: ids.factory[other] } : gateway;
}

// Two logs differ in where events stand, because a command that starts again may have reserved a device id twice.
function withoutPlace(outcome: Outcome<unknown> | 'no such') {
  return typeof outcome === 'object' && 'position' in outcome ? { ...outcome, position: undefined } : outcome;
}

function at(revision: bigint, name: unknown = 'x'): Loaded<unknown, unknown> {
  const place = { commit: revision, prepare: revision };
  const last = { id: 'i', commandId: 'c', revision, position: place, occurredAt: now, before: undefined };
  return { state: 'active', resource: { name }, revision, last };
}

function pausedReadings() {
  const waiting: ((loaded: Loaded<unknown, unknown>) => void)[] = [];
  const beginnings: { readonly count: number; readonly tell: () => void }[] = [];
  let begun = 0;
  return {
    begun: () => begun,
    read: () => {
      begun += 1;
      for (const { count, tell } of beginnings) if (begun >= count) tell();
      return new Promise<Loaded<unknown, unknown>>((resolve) => waiting.push(resolve));
    },
    beginning: (count: number) =>
      new Promise<void>((tell) => {
        if (begun >= count) tell();
        else beginnings.push({ count, tell });
      }),
    end: (loaded: Loaded<unknown, unknown>) => waiting.shift()?.(loaded),
  };
}
