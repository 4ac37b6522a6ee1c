import { describe, expect, it } from 'vitest';
import {
  gatewayIdReserved,
  now,
  organizationCreated,
  organizationUpdated,
  storedInOrder,
} from '../../test/support/examples.ts';
import { givenLog } from '../../test/support/given-log.ts';
import { EventLogUnavailable } from '../events/event-log.ts';
import { measureLag } from './lag.ts';

const events = storedInOrder(organizationCreated(), gatewayIdReserved(), organizationUpdated(), organizationUpdated());
const log = givenLog(...events);
const aMinuteLater = () => Date.parse(now) + 60_000;

describe('the lag', () => {
  it.each([
    ['of all', 'start', { events: 3, atLeast: false, seconds: 60 }],
    ['after a position', at(100n), { events: 2, atLeast: false, seconds: 58 }],
    ['at the end', at(400n), { events: 0, atLeast: false, seconds: 0 }],
  ] as const)('is counted in events and seconds: %s', async (_, after, lag) => {
    expect(await measureLag(log, after, { now: aMinuteLater })).toEqual(lag);
  });

  it('is counted up to a bound', async () => {
    expect(await measureLag(log, 'start', { most: 2 })).toMatchObject({ events: 2 });
    const many = Array.from({ length: 1_200 }, () => organizationUpdated());
    const long = givenLog(...storedInOrder(organizationCreated(), ...many));
    expect(await measureLag(long, 'start', { most: 700 })).toMatchObject({ events: 700, atLeast: true });
  });

  it('is never below nothing, whatever the clocks say', async () => {
    expect(await measureLag(log, 'start', { now: () => 0 })).toMatchObject({ events: 3, seconds: 0 });
  });

  it('is of no age when the event does not say when it happened', async () => {
    const [first] = events;
    const silent = givenLog({ ...(first as NonNullable<typeof first>), metadata: undefined });
    expect(await measureLag(silent, 'start')).toEqual({ events: 1, atLeast: false, seconds: 0 });
  });

  it('is at least what was counted in time', async () => {
    const [item] = events.map((event) => ({ kind: 'event' as const, event }));
    const slow = { ...log, subscribe: endlessly(item === undefined ? [] : [[item]]) };
    const signal = AbortSignal.timeout(20);
    expect(await measureLag(slow, 'start', { signal })).toMatchObject({ events: 1, atLeast: true });
  });

  it('is unknown when the log says nothing in time', async () => {
    const silent = { ...log, subscribe: endlessly([]) };
    await expect(measureLag(silent, 'start', { signal: AbortSignal.timeout(20) })).rejects.toThrow(EventLogUnavailable);
  });
});

/** Tells some arrays, and then nothing until it is ended. */
function endlessly(
  arrays: readonly (readonly { readonly kind: 'event'; readonly event: (typeof events)[number] }[])[],
) {
  return async function* ({ signal }: { readonly signal: AbortSignal }) {
    yield* arrays;
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
  };
}

function at(commit: bigint) {
  return { commit, prepare: commit };
}
