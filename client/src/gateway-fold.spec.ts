import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { StoredEvent } from '../../src/events/event-log.ts';
import { changesOf, messagesOf } from '../../src/publishing/mirror-message.ts';
import { foldStored, type Mirrored } from '../../src/publishing/mirror-state.ts';
import * as examples from '../../test/support/examples.ts';
import { livesOfGateways } from '../../test/support/lives-of-gateways.ts';
import type { Gateway } from './contract.ts';
import type { GatewayChange } from './gateway-change.ts';
import { createGatewayFold, type GatewayFold } from './gateway-fold.ts';

const life = examples.storedInOrder(
  examples.gatewayCreated(),
  examples.gatewayMoved(),
  examples.gatewayUpdated({ factoryId: examples.anotherFactory, name: 'Hall 2' }),
  examples.gatewaySoftDeleted({ factoryId: examples.anotherFactory }),
  examples.gatewayRestored({ factoryId: examples.anotherFactory }),
);

describe('what is told of gateways', () => {
  it('is each change, when each is heard', () => {
    const fold = createGatewayFold(false);
    fold.begin();

    const told = messagesAbout(life).flatMap((message) => {
      fold.take(message);
      return allOf(fold);
    });

    expect(told).toEqual([
      expect.objectContaining({ type: 'appeared' }),
      { type: 'changed', before: expect.anything(), gateway: expect.objectContaining({ revision: 1 }) },
      { type: 'changed', before: expect.anything(), gateway: expect.objectContaining({ revision: 2 }) },
      { type: 'disappeared', gateway: expect.objectContaining({ revision: 2 }) },
      { type: 'appeared', gateway: expect.objectContaining({ revision: 4 }) },
      { type: 'current' },
    ]);
  });

  it('is one change of what has changed several times before anyone has asked', () => {
    const fold = createGatewayFold(false);
    fold.begin();
    for (const message of messagesAbout(life)) fold.take(message);

    expect(allOf(fold)).toEqual([
      { type: 'appeared', gateway: expect.objectContaining({ revision: 4 }) },
      { type: 'current' },
    ]);
  });

  it('is no disappearance when the purge after a move comes before the value under the new key, which was replaced', () => {
    const fold = createGatewayFold(false);
    const [created, moved, leaving, updated] = messagesAbout(life.slice(0, 3));
    fold.begin();
    const told = [created, leaving, updated].map((message) => {
      fold.take(message as Message);
      return allOf(fold).map(({ type }) => type);
    });

    expect(moved?.header('registry-step')).toBe('1/2');
    expect(told).toEqual([['appeared'], [], ['changed', 'current']]);
  });

  it('is a disappearance when a deleted gateway had moved to a key that was never seen', () => {
    const fold = createGatewayFold(false);
    const messages = messagesAbout(life.slice(0, 4));
    fold.begin();
    fold.take(messages[0] as Message);
    allOf(fold);
    fold.take(messages.at(-1) as Message);

    expect(allOf(fold).map(({ type }) => type)).toEqual(['disappeared', 'current']);
  });

  it('is a disappearance of what is not there any more after a recovery, not even as a mark', () => {
    const fold = createGatewayFold(false);
    const [created] = messagesAbout(life) as readonly [Message];
    const other = messagesAbout(examples.storedInOrder(examples.gatewayCreated({ id: examples.anotherGateway })));
    fold.begin();
    fold.take(created);
    for (const message of other) fold.take(message);
    allOf(fold);
    fold.begin();
    for (const message of other) fold.take(message);

    expect(allOf(fold)).toEqual([
      { type: 'disappeared', gateway: expect.objectContaining({ id: examples.aGateway }) },
      { type: 'current' },
    ]);
  });

  it('is what a stranger has removed, too', () => {
    const fold = createGatewayFold(false);
    const [created] = messagesAbout(life) as readonly [Message];
    fold.begin();
    fold.take(created);
    fold.take({ ...created, pending: 0, header: (name) => (name === 'KV-Operation' ? 'DEL' : undefined) });

    expect(allOf(fold).map(({ type }) => type)).toEqual(['current']);
  });

  it.each(['no JSON', 'null', '7', '{}', '{"id":7}'])('is nothing of what is no gateway: %s', (text) => {
    const fold = createGatewayFold(false);
    const [created] = messagesAbout(life) as readonly [Message];
    fold.begin();

    expect(fold.take({ ...created, text: () => text, pending: 1 })).toBe(false);
    expect(allOf(fold)).toEqual([]);
  });

  it('has fields that this version does not know', () => {
    const fold = createGatewayFold(false);
    const [created] = messagesAbout(life) as readonly [Message];
    fold.begin();
    fold.take({ ...created, text: () => created.text().replace('{', '{"colour":"red",') });

    expect(allOf(fold)[0]).toMatchObject({ type: 'appeared', gateway: { colour: 'red' } });
  });
});

describe('whoever folds what is told', () => {
  it('has what is in the bucket, whenever it is current: late, interrupted, and after a wipe', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            {
              weight: 9,
              arbitrary: fc.tuple(fc.constantFrom('write', 'hear', 'tell'), fc.integer({ min: 1, max: 20 })),
            },
            { weight: 1, arbitrary: fc.tuple(fc.constantFrom('again', 'wipe'), fc.constant(1)) },
          ),
          { maxLength: 60, size: 'max' },
        ),
        (steps) => {
          const scene = aScene();
          for (const [step, times] of steps) for (let n = 0; n < times; n++) scene[step]();
          scene.finish();
          expect(scene.complaints).toEqual([]);
        },
      ),
      { numRuns: 500 },
    );
  });
});

interface Message {
  readonly key: string;
  header(name: string): string | undefined;
  text(): string;
  readonly pending: number;
}

/** The messages of the mirror about events, in order, all of which are heard. */
function messagesAbout(events: readonly StoredEvent[]): readonly Message[] {
  const written = writing(events);
  return written.map((message, index) => ({ ...message, pending: written.length - 1 - index }));
}

/** As large as NATS takes messages when nobody has told it otherwise. */
const mostBytes = 1_048_576;

interface Written extends Omit<Message, 'pending'> {
  readonly isPurge: boolean;
}

function writing(events: readonly StoredEvent[]): readonly Written[] {
  const states = new Map<string, Mirrored | undefined>();
  return events.flatMap((stored) => {
    const before = states.get(stored.stream);
    const after = foldStored(before, stored);
    states.set(stored.stream, after);
    const changes = changesOf({ before, after }, mostBytes);
    return messagesOf(stored, changes, 'session', () => false).map(({ subject, headers, body }) => ({
      key: subject.replace('$KV.gateways.', ''),
      header: (name: string) => headers[name],
      text: () => body,
      isPurge: headers['KV-Operation'] === 'PURGE',
    }));
  });
}

/** A bucket that keeps the last message of each key, whoever fills it, and whoever watches it and may be late. */
function aScene() {
  const script = writing(livesOfGateways(4));
  const fold = createGatewayFold(false);
  const complaints: string[] = [];
  const told = new Map<string, Gateway>();
  /** The newest revision of each gateway that was ever told. */
  const newest = new Map<string, number>();
  /** What is in the bucket, in the order in which it was written. */
  let bucket = new Map<string, { readonly message: Written; readonly sequence: number }>();
  let written = 0;
  let heard = 0;
  /** How far it was ever written, and heard. */
  let furthestWritten = 0;
  let furthestHeard = 0;
  fold.begin();
  fold.empty();

  return { write, hear, tell, again, wipe, finish, complaints };

  function write(): void {
    const message = script[written];
    if (message === undefined) return;
    written += 1;
    furthestWritten = Math.max(furthestWritten, written);
    bucket.delete(message.key);
    bucket.set(message.key, { message, sequence: written });
  }

  function hear(): void {
    const [next, ...others] = [...bucket.values()].filter(({ sequence }) => sequence > heard);
    if (next === undefined) return;
    heard = next.sequence;
    furthestHeard = Math.max(furthestHeard, heard);
    fold.take({ ...next.message, pending: others.length });
  }

  function tell(): void {
    const change = fold.next();
    if (change !== undefined) check(change);
  }

  function again(): void {
    heard = 0;
    fold.begin();
    if (bucket.size === 0) fold.empty();
  }

  function wipe(): void {
    bucket = new Map();
    written = 0;
    again();
  }

  function finish(): void {
    while (written < script.length) write();
    again();
    while (heard < written) hear();
    for (let change = fold.next(); change !== undefined; change = fold.next()) check(change);
    const there = [...bucket.values()].filter(({ message }) => !message.isPurge).map(({ message }) => message.text());
    expect([...told.values()].map((gateway) => JSON.stringify(gateway)).sort()).toEqual(there.sort());
  }

  function check(change: GatewayChange): void {
    if (change.type === 'current') {
      if (positionAfter(written) < positionAfter(furthestHeard)) complaints.push('current while it is being filled');
      return;
    }
    const { gateway } = change;
    const before = told.get(gateway.id);
    if (change.type === 'appeared' && before !== undefined) complaints.push('appeared twice');
    if (change.type !== 'appeared' && before === undefined) complaints.push(`${change.type} before it appeared`);
    if (change.type === 'changed' && gateway.revision <= change.before.revision) complaints.push('went back');
    if (change.type === 'changed' && before !== change.before) complaints.push('changed from what was not told');
    if (change.type === 'disappeared' && !isEverDeleted(gateway.id)) complaints.push('disappeared by a move');
    if (change.type === 'appeared' && gateway.revision <= (newest.get(gateway.id) ?? -1))
      complaints.push('came back old');
    newest.set(gateway.id, gateway.revision);
    if (change.type === 'disappeared') told.delete(gateway.id);
    else told.set(gateway.id, gateway);
  }

  /** Where in the log so many messages end: the two of a move stand at one place. */
  function positionAfter(messages: number): number {
    return Number(script[messages - 1]?.header('registry-position') ?? 0);
  }

  /** Whether its life has a deletion up to what was ever written. */
  function isEverDeleted(id: string): boolean {
    return script
      .slice(0, furthestWritten)
      .some(({ key, isPurge, header }) => isPurge && header('registry-step') === '1/1' && key.endsWith(id));
  }
}

function allOf(fold: GatewayFold): readonly GatewayChange[] {
  const changes: GatewayChange[] = [];
  for (let change = fold.next(); change !== undefined; change = fold.next()) changes.push(change);
  return changes;
}
