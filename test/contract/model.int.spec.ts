// Random operations on a few streams, compared with a model. What went wrong is told as the list of operations that
// were made, with what the model says of each; fast-check tells the seed. CONTRACT_RUNS asks for more runs.

import { randomUUID } from 'node:crypto';
import {
  type AppendExpectedRevision,
  BACKWARDS,
  FORWARDS,
  jsonEvent,
  type Position,
  type ResolvedEvent,
  START,
  StreamDeletedError,
  StreamNotFoundError,
  streamNameFilter,
  WrongExpectedVersionError,
} from '@eventstore/db-client';
import shared from '@eventstore/db-client/generated/shared_pb.js';
import type { BatchAppendResp } from '@eventstore/db-client/generated/streams_pb.js';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  type Answer,
  type Contents,
  emptyModel,
  type Model,
  type ModelExpected,
  type ModelMetadata,
  type Place,
} from './model.ts';
import { batchOf, type Chunk, chunk, correlationOf, further } from './raw.ts';
import { appendPaths, aStream, follow, numbered, read, useEventStore } from './support.ts';

const store = useEventStore();
const { CONTRACT_RUNS } = process.env;
const runs = (moderate: number) => ({ numRuns: Number(CONTRACT_RUNS ?? moderate) });

type Expectation = 'any' | 'no_stream' | 'stream_exists' | 'exact' | 'older' | 'later';

/** Which events: so many new ones; those of an earlier append, or a part of it; its first and a new one. */
type Batch =
  | { readonly events: 'new'; readonly count: number }
  | { readonly events: 'repeated' | 'begun'; readonly earlier: number; readonly from: number; readonly count: number };

type Operation =
  | ({ readonly op: 'append'; readonly stream: number; readonly expect: Expectation; readonly path: 0 | 1 } & Batch)
  | {
      readonly op: 'delete' | 'tombstone';
      readonly stream: number;
      readonly expect: Exclude<Expectation, 'stream_exists'>;
    }
  | { readonly op: 'set metadata'; readonly stream: number; readonly metadata: ModelMetadata }
  | {
      readonly op: 'read';
      readonly stream: number;
      readonly backwards: boolean;
      readonly from: number;
      readonly count: number;
    };

const stream = fc.constantFrom(0, 1, 2);
const expectation = fc.constantFrom<Expectation[]>('any', 'no_stream', 'stream_exists', 'exact', 'older', 'later');
const removal = fc.constantFrom<Exclude<Expectation, 'stream_exists'>[]>('any', 'no_stream', 'exact', 'older', 'later');
const small = fc.nat({ max: 4 });
const batch: fc.Arbitrary<Batch> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ events: fc.constant('new' as const), count: small }) },
  {
    weight: 4,
    arbitrary: fc.record({
      events: fc.constantFrom('repeated' as const, 'begun' as const),
      earlier: fc.nat({ max: 9 }),
      from: fc.nat({ max: 2 }),
      count: fc.integer({ min: 1, max: 5 }),
    }),
  },
);
const path = fc.constantFrom<(0 | 1)[]>(0, 1);
const metadata: fc.Arbitrary<ModelMetadata> = fc.oneof(
  fc.constant({}),
  fc.record({ truncateBefore: fc.nat({ max: 8 }) }),
  fc.record({ maxCount: fc.integer({ min: 1, max: 4 }) }),
  fc.record({ custom: small }),
  fc.record({ truncateBefore: small, maxCount: fc.integer({ min: 1, max: 6 }), custom: small }),
);
const operation: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc
      .tuple(fc.record({ op: fc.constant('append' as const), stream, expect: expectation, path }), batch)
      .map(([call, events]) => ({ ...call, ...events })),
  },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('delete' as const), stream, expect: removal }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('tombstone' as const), stream, expect: removal }) },
  { weight: 3, arbitrary: fc.record({ op: fc.constant('set metadata' as const), stream, metadata }) },
  {
    weight: 4,
    arbitrary: fc.record({
      op: fc.constant('read' as const),
      stream,
      backwards: fc.boolean(),
      from: fc.nat({ max: 12 }),
      count: fc.integer({ min: 1, max: 8 }),
    }),
  },
);

it('Whatever is done to streams is answered, and leaves behind, what the rules say', { timeout: 600_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(operation, { minLength: 1, maxLength: 30, size: 'max' }), async (operations) => {
      const world = await aWorld();
      for (const one of operations) await perform(world, one);
      await compareAll(world);
    }),
    runs(100),
  );
});

const appends = fc.array(
  fc.record({
    stream,
    expect: fc.constantFrom<Expectation[]>('any', 'no_stream', 'stream_exists', 'exact', 'later'),
    chunks: fc.array(fc.nat({ max: 3 }), { minLength: 1, maxLength: 4 }),
  }),
  { minLength: 1, maxLength: 6 },
);

it('Batch appends in any chunks, however interleaved, are appends in the order of their final chunks', async () => {
  await fc.assert(
    fc.asyncProperty(appends, fc.array(fc.nat({ max: 5 }), { maxLength: 24 }), async (batches, picks) => {
      using call = batchOf(store.raw.streams);
      const world = await aWorld();
      const plan = batches.map(({ chunks, ...rest }) => ({
        ...rest,
        chunks: chunks.map((count) => Array.from({ length: count }, () => world.newId())),
      }));
      const finished: { first: Chunk; answer: Answer }[] = [];
      const sending = plan.map(({ stream: index, expect: expected, chunks }) => {
        const name = world.nameOf(index);
        // What is exact can only be said of the state before all of them.
        const revision = expectedIn(world.model, name, expected);
        const ids = chunks.map((labels) => labels.map((label) => ({ id: world.uuid(label) })));
        const first = chunk(name, ids[0], typeof revision === 'number' ? BigInt(revision) : revision);
        const all = [first, ...ids.slice(1).map((proposals) => further(correlationOf(first), proposals))];
        for (const [n, request] of all.entries()) request.setIsFinal(n === all.length - 1);
        return { name, revision, first, rest: all, labels: chunks.flat() };
      });
      for (let turn = 0; sending.some(({ rest }) => rest.length > 0); turn += 1) {
        const open = sending.filter(({ rest }) => rest.length > 0);
        const next = open[(picks[turn] ?? 0) % open.length];
        const request = next?.rest.shift();
        if (!next || !request) break;
        call.send(request);
        if (next.rest.length > 0) continue;
        const answer = world.model.append(next.name, next.revision, next.labels);
        world.say(`${next.name} ${next.revision} [${next.labels.join(' ')}] -> ${JSON.stringify(answer)}`);
        finished.push({ first: next.first, answer });
      }
      for (const { first, answer } of finished) {
        compareAnswer(world, batchOutcome(await call.answerTo(first)), answer);
      }
      await compareAll(world);
    }),
    runs(60),
  );
});

const subscribing = fc.record({
  before: fc.integer({ min: 1, max: 40 }),
  rounds: fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 12 }),
  from: fc.nat({ max: 50 }),
  subscribeIn: fc.nat({ max: 11 }),
});

it('A subscription made while others append delivers what a read does afterwards', { timeout: 600_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(subscribing, async ({ before, rounds, from, subscribeIn }) => {
      const run = aStream();
      const streams = ['a', 'b', 'c'].map((name) => `${run}-${name}`);
      const [one = ''] = streams;
      const append = (count: number) =>
        Promise.all(
          Array.from({ length: count }, (_, n) =>
            store.client.appendToStream(streams[n % streams.length] ?? one, [numbered(n)]),
          ),
        );
      const [begin] = await append(before);
      const start = begin?.position ?? { commit: 0n, prepare: 0n };
      const earlier = await read(store.client.readAll({ fromPosition: start }));
      const position = earlier.filter(inStreams(streams))[from % before]?.event?.position ?? start;
      const fromRevision = from % 2 === 0 ? START : BigInt(from % 20);
      const filter = streamNameFilter({ prefixes: [run] });
      const subscriptions: (() => Promise<void>)[] = [];
      for (const [round, count] of rounds.entries()) {
        const appending = append(count * 3);
        if (round === subscribeIn % rounds.length) {
          const ofStream = follow(store.client.subscribeToStream(one, { fromRevision }));
          const ofAll = follow(store.client.subscribeToAll({ fromPosition: position }));
          const filtered = follow(store.client.subscribeToAll({ fromPosition: position, filter }));
          subscriptions.push(
            async () => {
              const expected = (await read(store.client.readStream(one))).filter(
                ({ event }) => fromRevision === START || (event?.revision ?? 0n) > fromRevision,
              );
              await ofStream.until(({ events, error }) => events.length >= expected.length || error !== undefined);
              expect(ofStream.seen.error).toBeUndefined();
              expect(ofStream.seen.events.map(eventOf)).toEqual(expected.map(eventOf));
              await ofStream.stop();
            },
            async () => {
              const expected = (await read(store.client.readAll({ fromPosition: position }))).filter(
                (resolved) =>
                  inStreams(streams)(resolved) && (resolved.event?.position?.commit ?? 0n) > position.commit,
              );
              const ours = (events: readonly ResolvedEvent[]) => events.filter(inStreams(streams));
              await ofAll.until(({ events, error }) => ours(events).length >= expected.length || error !== undefined);
              await filtered.until(({ events, error }) => events.length >= expected.length || error !== undefined);
              expect([ofAll.seen.error, filtered.seen.error]).toEqual([undefined, undefined]);
              expect(ours(ofAll.seen.events).map(eventOf)).toEqual(expected.map(eventOf));
              expect(filtered.seen.events.map(eventOf)).toEqual(expected.map(eventOf));
              await Promise.all([ofAll.stop(), filtered.stop()]);
            },
          );
        }
        await appending;
      }
      for (const compare of subscriptions) await compare();
    }),
    runs(25),
  );
});

interface World {
  readonly model: Model;
  readonly start: Position;
  readonly names: readonly string[];
  /** Where the answers say what was written is. */
  readonly places: { readonly commit: bigint; readonly place: Place }[];
  readonly earlier: { readonly stream: string; readonly labels: readonly string[] }[];
  nameOf(index: number): string;
  newId(): string;
  uuid(label: string): string;
  label(uuid: string): string;
  say(line: string): void;
  same(actual: unknown, expected: unknown): void;
}

async function aWorld(): Promise<World> {
  const { position } = await store.client.appendToStream(aStream('mark'), [numbered(0)]);
  const names = [0, 1, 2].map((n) => `${aStream('model')}-s${n}`);
  const uuids = new Map<string, string>();
  const labels = new Map<string, string>();
  const history: string[] = [];
  const short = (line: string) => line.replaceAll(/model-[0-9a-f-]{36}-/g, '');
  return {
    model: emptyModel(),
    start: position ?? { commit: 0n, prepare: 0n },
    names,
    places: [],
    earlier: [],
    nameOf: (index) => names[index] ?? '',
    newId() {
      const label = `e${uuids.size}`;
      const id = randomUUID();
      uuids.set(label, id);
      labels.set(id, label);
      return label;
    },
    uuid: (label) => uuids.get(label) ?? '',
    label: (id) => labels.get(id) ?? id,
    say: (line) => history.push(short(line)),
    same(actual, expected) {
      expect(actual, `after\n  ${history.join('\n  ')}\n`).toEqual(expected);
    },
  };
}

async function perform(world: World, one: Operation): Promise<void> {
  const { model } = world;
  const name = world.nameOf(one.stream);
  switch (one.op) {
    case 'append': {
      const expected = expectedIn(model, name, one.expect);
      const labels = eventsOf(world, name, expected, one);
      const answer = model.append(name, expected, labels);
      world.say(`append to ${name} at ${expected} [${labels.join(' ')}]: ${JSON.stringify(answer)}`);
      world.earlier.push({ stream: name, labels });
      const events = labels.map((label) => jsonEvent({ id: world.uuid(label), type: 'Any', data: { label } }));
      const options = { expectedRevision: forClient(expected), ...appendPaths[one.path].via };
      compareAnswer(world, await outcomeOf(store.client.appendToStream(name, events, options)), answer);
      break;
    }
    case 'delete':
    case 'tombstone': {
      const expected = expectedIn(model, name, one.expect);
      const answer = one.op === 'delete' ? model.remove(name, expected) : model.tombstone(name, expected);
      world.say(`${one.op} ${name} at ${expected}: ${JSON.stringify(answer)}`);
      const expectedRevision = forClient(expected) as bigint | 'any' | 'no_stream';
      const removing =
        one.op === 'delete'
          ? store.client.deleteStream(name, { expectedRevision })
          : store.client.tombstoneStream(name, { expectedRevision });
      compareAnswer(world, await outcomeOf(removing), answer);
      break;
    }
    case 'set metadata': {
      const answer = model.setMetadata(name, one.metadata);
      world.say(`set metadata of ${name} to ${JSON.stringify(one.metadata)}: ${JSON.stringify(answer)}`);
      const { truncateBefore, ...rest } = one.metadata;
      const given = { ...rest, ...(typeof truncateBefore === 'number' && { truncateBefore }) };
      compareAnswer(world, await outcomeOf(store.client.setStreamMetadata(name, given)), answer);
      break;
    }
    case 'read': {
      const { backwards, from, count } = one;
      world.say(`read ${count} of ${name} ${backwards ? 'backwards' : 'forwards'} from ${from}`);
      const options = {
        direction: backwards ? BACKWARDS : FORWARDS,
        fromRevision: BigInt(from),
        maxCount: count,
      } as const;
      const actual = await contentsOf(world, read(store.client.readStream(name, options)));
      world.same(actual, partOf(model.read(name), one));
      break;
    }
  }
}

function eventsOf(world: World, name: string, expected: ModelExpected, one: Batch): readonly string[] {
  // Whether an append of nothing brings a soft-deleted stream back is not a rule.
  const least = world.model.isSoftDeleted(name) ? 1 : 0;
  const fresh = (count: number) => Array.from({ length: count }, () => world.newId());
  if (one.events === 'new') return fresh(Math.max(least, one.count));
  const candidates = world.earlier.filter(({ labels }) => labels.length > 0);
  const own = candidates.filter(({ stream: of }) => of === name);
  const pool = one.earlier < 8 && own.length > 0 ? own : candidates;
  const labels = pool.at(-1 - (one.earlier % Math.max(1, pool.length)))?.labels;
  if (!labels) return fresh(one.count);
  const from = one.from % labels.length;
  const part = labels.slice(from, from + one.count);
  // By recent ids, which of several places an id is found at is not a rule.
  const isByRecentIds = expected === 'any' || expected === 'stream_exists';
  if (isByRecentIds && part.some((label) => world.model.timesStored(label) > 1)) return fresh(part.length);
  return one.events === 'repeated' ? part : [...part, ...fresh(1)];
}

function expectedIn(model: Model, name: string, expected: Expectation): ModelExpected {
  const last = model.last(name);
  if (expected === 'exact') return last < 0 ? 'no_stream' : last;
  if (expected === 'older') return last < 1 ? 'no_stream' : Math.floor(last / 2);
  return expected === 'later' ? last + 2 : expected;
}

function forClient(expected: ModelExpected): AppendExpectedRevision {
  return typeof expected === 'number' ? BigInt(expected) : expected;
}

type Outcome =
  | { readonly kind: 'ok'; readonly revision: number | undefined; readonly position: Position | undefined }
  | Exclude<Answer, { kind: 'ok' }>;

async function outcomeOf(
  call: Promise<{ nextExpectedRevision?: bigint; position?: Position | undefined }>,
): Promise<Outcome> {
  try {
    const { nextExpectedRevision: revision, position } = await call;
    return { kind: 'ok', revision: revision === undefined ? undefined : Number(revision), position };
  } catch (error) {
    if (error instanceof StreamDeletedError) return { kind: 'deleted' };
    if (!(error instanceof WrongExpectedVersionError)) throw error;
    const { actualVersion } = error;
    return { kind: 'conflict', actual: typeof actualVersion === 'bigint' ? Number(actualVersion) : -1 };
  }
}

function batchOutcome(answer: BatchAppendResp): Outcome {
  const success = answer.getSuccess();
  if (success) {
    const position = success.getPosition();
    const commit = BigInt(position?.getCommitPosition() ?? 0);
    const revision = success.hasNoStream() ? 0 : Number(success.getCurrentRevision());
    return { kind: 'ok', revision, position: position && { commit, prepare: BigInt(position.getPreparePosition()) } };
  }
  if (answer.getError()?.getMessage() === 'StreamDeleted') return { kind: 'deleted' };
  const value = answer.getError()?.getDetails()?.getValue_asU8() ?? new Uint8Array();
  const detail = shared.WrongExpectedVersion.deserializeBinary(value);
  return { kind: 'conflict', actual: detail.hasCurrentNoStream() ? -1 : Number(detail.getCurrentStreamRevision()) };
}

/** What is at the position is looked at when all is done. */
function compareAnswer(world: World, outcome: Outcome, answer: Answer): void {
  if (outcome.kind !== 'ok' || answer.kind !== 'ok') {
    world.same(outcome, answer);
    return;
  }
  // Of no stream the client says 0.
  if (outcome.revision !== undefined) world.same(outcome.revision, Math.max(0, answer.revision));
  if (answer.at === 'hidden') world.same(outcome.position, undefined);
  else world.same(outcome.position, { commit: expect.any(BigInt), prepare: outcome.position?.commit });
  if (typeof answer.at === 'object') world.places.push({ commit: outcome.position?.commit ?? 0n, place: answer.at });
}

async function compareAll(world: World): Promise<void> {
  const { model, names } = world;
  world.say('at the end');
  for (const name of names) {
    const contents = await contentsOf(world, read(store.client.readStream(name)));
    world.same(contents, model.read(name));
    world.same(await metadataOf(name), metadataOfModel(model, name));
  }
  const ours = new Set(names.flatMap((name) => [name, `$$${name}`]));
  const all = (await read(store.client.readAll({ fromPosition: world.start }))).flatMap(({ event }) => event ?? []);
  const places = all
    .filter(({ streamId }) => ours.has(streamId))
    .map((event) => [event.position?.commit, placeOf(world, event)]);
  world.same(
    places.map(([, place]) => place),
    model.all,
  );
  const placeAt = new Map(places as [bigint, Place][]);
  for (const { commit, place } of world.places) world.same(placeAt.get(commit), place);
}

function placeOf(
  world: World,
  { id, streamId, revision, type }: { id: string; streamId: string; revision: bigint; type: string },
): Place {
  return {
    stream: streamId,
    revision: revision === 9223372036854775807n ? 'last' : Number(revision),
    what: type.startsWith('$') ? type : world.label(id),
  };
}

async function contentsOf(world: World, events: Promise<ResolvedEvent[]>): Promise<Contents> {
  try {
    return (await events).map(({ event }) => ({
      revision: Number(event?.revision),
      id: world.label(event?.id ?? ''),
    }));
  } catch (error) {
    if (error instanceof StreamDeletedError) return 'deleted';
    if (error instanceof StreamNotFoundError) return 'not found';
    throw error;
  }
}

function partOf(
  contents: Contents,
  { backwards, from, count }: { backwards: boolean; from: number; count: number },
): Contents {
  if (typeof contents === 'string') return contents;
  if (!backwards) return contents.filter(({ revision }) => revision >= from).slice(0, count);
  return contents
    .filter(({ revision }) => revision <= from)
    .toReversed()
    .slice(0, count);
}

async function metadataOf(name: string): Promise<unknown> {
  try {
    return (await store.client.getStreamMetadata(name)).metadata;
  } catch (error) {
    if (error instanceof StreamDeletedError) return 'deleted';
    throw error;
  }
}

function metadataOfModel(model: Model, name: string): unknown {
  const metadata = model.metadataOf(name);
  if (typeof metadata !== 'object' || metadata.truncateBefore !== 'all') return metadata;
  return { ...metadata, truncateBefore: Number(2n ** 63n - 1n) };
}

function inStreams(streams: readonly string[]) {
  return ({ event }: ResolvedEvent) => event !== undefined && streams.includes(event.streamId);
}

function eventOf({ event }: ResolvedEvent) {
  return [event?.streamId, event?.revision, event?.id, event?.position?.commit];
}
