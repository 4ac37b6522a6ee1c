// The checkpoints of filtered subscriptions to $all: how many there are, and where. A place counts the events from an
// append of the case's own, which is at place 0.

import { binaryEvent, type Position } from '@eventstore/db-client';
import type { ReadResp } from '@eventstore/db-client/generated/streams_pb.js';
import streams from '@eventstore/db-client/generated/streams_pb.js';
import { describe, expect, it } from 'vitest';
import { followRaw, none, ofAll, reading } from './raw.ts';
import { aStream, embeddedOnly, numbered, read, since, useEventStore } from './support.ts';

const store = useEventStore();
const { Options } = streams.ReadReq;

const olderFirst = 'their first checkpoint is the largest number when nothing matched';

describe('Checkpoints while a subscription catches up', () => {
  it('come after each interval and, at most a window behind, when it has caught up: no more and no fewer', async (context) => {
    await since('24.10.14', context, store.raw, olderFirst);
    const { places, last } = await caughtUp({ window: 10, multiplier: 2 });
    const steps = places.map((place, n) => place - (places[n - 1] ?? 0));
    expect(places.length).toBeLessThanOrEqual(Math.floor((last + 1) / 20) + 1);
    expect(Math.min(...steps)).toBeGreaterThan(0);
    expect(Math.max(...steps)).toBeLessThanOrEqual(30);
    expect(places.at(-1)).toBeGreaterThanOrEqual(last - 10);
  });

  it.for([
    [10, 2, [9, 29, 49, 69, 89, 99]],
    [10, 5, [39, 89, 99]],
    [20, 1, [0, 19, 39, 59, 79, 99]],
    [50, 4, [99]],
    [200, 1, [0]],
  ] as const)(
    'with a window of %i, times %i, are where the pages begin: at %j',
    async ([window, multiplier, expected], context) => {
      embeddedOnly(context, 'pages begin elsewhere when a server writes about itself');
      const { places, last } = await caughtUp({ window, multiplier });
      expect(last).toBe(100);
      expect(places).toEqual(expected);
    },
  );

  /** The places of the checkpoints over a hundred events of which none matches, and the place of the last event. */
  async function caughtUp(filter: { window: number; multiplier: number }) {
    const from = await mark();
    for (let batch = 0; batch < 10; batch += 1) await append(Array(10).fill('other'));
    using reader = followRaw(store.raw.streams, subscribing(ofAll(from.commit), { ...filter, type: aStream() }));
    const { responses } = await reader.until((all) => all.some((response) => response.hasCaughtUp()));
    expect(responses.at(-1)?.hasCaughtUp()).toBe(true);
    const placeOf = await placesAfter(from);
    return { places: checkpointsOf(responses).map(placeOf), last: placeOf(2n ** 63n) };
  }
});

describe('Live checkpoints', () => {
  it.for([
    ['5', { window: 5, multiplier: 1 }, 5],
    ['3, times 4', { window: 3, multiplier: 4 }, 12],
    ['nothing, which stands for 32', { multiplier: 1 }, 32],
    ['nothing, times 2', { multiplier: 2 }, 64],
  ] as const)(
    'with a window of %s are at every event that completes the interval',
    async ([, filter, interval], context) => {
      await since('24.10.14', context, store.raw, olderFirst);
      const from = await mark();
      const type = aStream();
      using reader = followRaw(store.raw.streams, subscribing(ofEnd(), { ...filter, type }));
      const before = (await reader.until((all) => all.some((response) => response.hasCaughtUp()))).responses.length;
      const [newest] = await read(store.client.readAll({ direction: 'backwards', fromPosition: 'end', maxCount: 1 }));
      // Little at a time: a subscription that falls behind catches up, and that is another rule.
      for (let batch = 1; batch <= 17; batch += 1) {
        await append([...Array(7).fill('other'), type]);
        await reader.until((all) => eventsOf(all).length === batch);
      }
      const placeOf = await placesAfter(from);
      const places = checkpointsOf(reader.responses.slice(before)).map(placeOf);
      const [first = 0] = places;
      const last = placeOf(eventsOf(reader.responses).at(-1) ?? 0n);
      expect(first).toBeGreaterThanOrEqual(interval);
      expect(first).toBeLessThanOrEqual(interval + placeOf(newest?.event?.position?.commit ?? 0n));
      const due = Array.from({ length: Math.floor((last - first) / interval) + 1 }, (_, n) => first + n * interval);
      expect(places).toEqual(due);
    },
  );

  it('go forward only, also when the subscription falls behind and catches up again', async (context) => {
    await since('24.10.14', context, store.raw, olderFirst);
    const type = aStream();
    using reader = followRaw(store.raw.streams, subscribing(ofEnd(), { window: 100, multiplier: 1, type }));
    await reader.until((all) => all.some((response) => response.hasCaughtUp()));
    await append(Array(600).fill('other'));
    await append([type]);
    const { responses } = await reader.until((all) => eventsOf(all).length === 1);
    const checkpoints = checkpointsOf(responses);
    expect(checkpoints.length).toBeGreaterThan(0);
    expect(checkpoints).toEqual([...new Set(checkpoints)].toSorted((a, b) => (a < b ? -1 : 1)));
  });
});

/** Without a window, the filter leaves it to the server. */
function subscribing(
  from: InstanceType<typeof Options.AllOptions>,
  { window, multiplier, type }: { window?: number; multiplier: number; type: string },
) {
  const expression = new Options.FilterOptions.Expression().setPrefixList([type]);
  const filter = new Options.FilterOptions().setEventType(expression).setCheckpointintervalmultiplier(multiplier);
  if (window === undefined) filter.setCount(none());
  else filter.setMax(window);
  return reading((options) =>
    options.setAll(from).setSubscription(new Options.SubscriptionOptions()).setFilter(filter),
  );
}

const ofEnd = () => new Options.AllOptions().setEnd(none());

/** Appends events of these types at once. */
async function append(types: readonly string[]): Promise<void> {
  const data = new Uint8Array();
  await store.client.appendToStream(
    aStream(),
    types.map((type) => binaryEvent({ type, data })),
  );
}

async function mark(): Promise<Position> {
  const { position } = await store.client.appendToStream(aStream('mark'), [numbered(0)]);
  if (!position) throw new Error('The append has no position.');
  return position;
}

function checkpointsOf(responses: readonly ReadResp[]): bigint[] {
  return responses.flatMap((response) => {
    const checkpoint = response.getCheckpoint();
    return checkpoint ? [BigInt(checkpoint.getCommitPosition())] : [];
  });
}

function eventsOf(responses: readonly ReadResp[]): bigint[] {
  return responses.flatMap((response) => {
    const event = response.getEvent();
    return event ? [BigInt(event.getCommitPosition())] : [];
  });
}

/** Turns a position into a place: that of the last event which is not behind it. */
async function placesAfter(fromPosition: Position): Promise<(commit: bigint) => number> {
  const all = await read(store.client.readAll({ fromPosition }));
  const commits = all.map(({ event }) => event?.position.commit ?? 0n);
  return (commit) => commits.findLastIndex((at) => at <= commit);
}
