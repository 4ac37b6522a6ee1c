// Links, and what is left of one whose event cannot be read.

import { END, jsonEvent, type Position } from '@eventstore/db-client';
import { describe, expect, it } from 'vitest';
import { aStream, follow, numbered, numberedUpTo, numbersOf, read, useEventStore } from './support.ts';

const store = useEventStore();

describe('A link', () => {
  it('stands in for its event when links are resolved, and is itself otherwise', async () => {
    const [target, links] = [aStream(), aStream('links')];
    await store.client.appendToStream(target, numberedUpTo(2));
    await store.client.appendToStream(links, [linkTo(`1@${target}`)]);
    const [resolved] = await read(store.client.readStream(links, { resolveLinkTos: true }));
    const [direct] = await read(store.client.readStream(target, { fromRevision: 1n }));
    const [plain] = await read(store.client.readStream(links));
    expect(resolved?.event).toEqual(direct?.event);
    expect(resolved?.link).toMatchObject({ streamId: links, revision: 0n, type: '$>' });
    expect(plain).toMatchObject({ event: { type: '$>', streamId: links } });
    expect(plain?.link).toBeUndefined();
  });

  it('stands in for its event in $all, too, at its own place', async () => {
    const [target, links] = [aStream(), aStream('links')];
    await store.client.appendToStream(target, numberedUpTo(2));
    const { position } = await store.client.appendToStream(links, [linkTo(`0@${target}`)]);
    const fromPosition = position as Position;
    const [resolved] = await read(store.client.readAll({ fromPosition, maxCount: 1, resolveLinkTos: true }));
    expect(resolved?.event).toMatchObject({ streamId: target, revision: 0n });
    expect(resolved?.link).toMatchObject({ streamId: links, position });
  });

  it.each<[string, (target: string) => Promise<unknown>]>([
    ['truncated', (target) => store.client.setStreamMetadata(target, { truncateBefore: 1 })],
    ['soft-deleted', (target) => store.client.deleteStream(target)],
    ['tombstoned', (target) => store.client.tombstoneStream(target)],
    ['beyond $maxCount', (target) => store.client.setStreamMetadata(target, { maxCount: 1 })],
  ])('whose event is %s is delivered alone', async (_, hide) => {
    const [target, links] = [aStream(), aStream('links')];
    await store.client.appendToStream(target, numberedUpTo(2));
    await store.client.appendToStream(links, [linkTo(`0@${target}`)]);
    await hide(target);
    const resolved = await read(store.client.readStream(links, { resolveLinkTos: true }));
    expect(resolved.map(({ event, link }) => [event, link?.revision])).toEqual([[undefined, 0n]]);
  });

  it('whose event is older than $maxAge is delivered alone', async () => {
    const [target, links] = [aStream(), aStream('links')];
    await store.client.appendToStream(target, numberedUpTo(2));
    await store.client.appendToStream(links, [linkTo(`0@${target}`), linkTo(`-1@${target}`)]);
    await store.client.setStreamMetadata(target, { maxAge: 1 });
    await expect.poll(() => read(store.client.readStream(target)), { timeout: 10_000 }).toEqual([]);
    const resolved = await read(store.client.readStream(links, { resolveLinkTos: true }));
    expect(resolved.map(({ event, link }) => [event, link?.revision])).toEqual([
      [undefined, 0n],
      [undefined, 1n],
    ]);
  });

  it.each([
    ['a revision that is not there yet', (target: string) => `7@${target}`],
    ['a stream that never was', () => `0@${aStream()}`],
  ])('to %s is delivered alone', async (_, to) => {
    const [target, links] = [aStream(), aStream('links')];
    await store.client.appendToStream(target, numberedUpTo(2));
    await store.client.appendToStream(links, [linkTo(to(target))]);
    const resolved = await read(store.client.readStream(links, { resolveLinkTos: true }));
    expect(resolved.map(({ event, link }) => [event, link?.revision])).toEqual([[undefined, 0n]]);
  });

  it('splits at the first @: the name of a stream may have more of them', async () => {
    const [target, links] = [`${aStream()}@home@night`, aStream('links')];
    await store.client.appendToStream(target, numberedUpTo(2));
    await store.client.appendToStream(links, [linkTo(`1@${target}`)]);
    const [resolved] = await read(store.client.readStream(links, { resolveLinkTos: true }));
    expect(resolved?.event).toMatchObject({ streamId: target, revision: 1n });
  });

  it('to metadata is resolved like any other', async () => {
    const [target, links] = [aStream(), aStream('links')];
    await store.client.setStreamMetadata(target, { owner: 'me' });
    await store.client.appendToStream(links, [linkTo(`0@$$${target}`)]);
    const [resolved] = await read(store.client.readStream(links, { resolveLinkTos: true }));
    expect(resolved?.event).toMatchObject({ streamId: `$$${target}`, type: '$metadata', data: { owner: 'me' } });
  });

  it('is an event like any other when what it names is no revision', async () => {
    const links = aStream('links');
    await store.client.appendToStream(links, [linkTo('first@x'), linkTo('9999999999999999999@x'), linkTo('@x')]);
    const resolved = await read(store.client.readStream(links, { resolveLinkTos: true }));
    expect(resolved.map(({ event, link }) => [event?.type, link])).toEqual(Array(3).fill(['$>', undefined]));
  });

  it('that names no revision is, when it is delivered live, a link that leads nowhere', async () => {
    const links = aStream('links');
    await store.client.appendToStream(links, [linkTo('first@x')]);
    const subscription = follow(store.client.subscribeToStream(links, { resolveLinkTos: true }));
    await subscription.until(({ caughtUp }) => caughtUp === 1);
    await store.client.appendToStream(links, [linkTo('first@x'), linkTo('@x')]);
    await subscription.until(({ events }) => events.length === 3);
    expect(subscription.seen.events.map(({ event, link }) => [event?.revision, link?.revision])).toEqual([
      [0n, undefined],
      [undefined, 1n],
      [undefined, 2n],
    ]);
    await subscription.stop();
  });

  it('is resolved for a subscription to its stream', async () => {
    const [target, links] = [aStream(), aStream('links')];
    await store.client.appendToStream(target, numberedUpTo(3));
    await store.client.appendToStream(links, [linkTo(`2@${target}`)]);
    const subscription = follow(store.client.subscribeToStream(links, { resolveLinkTos: true }));
    await subscription.until(({ caughtUp }) => caughtUp === 1);
    await store.client.appendToStream(links, [linkTo(`0@${target}`)]);
    await subscription.until(({ events }) => events.length === 2);
    expect(numbersOf(subscription.seen.events)).toEqual([2, 0]);
    await subscription.stop();
  });

  it('is resolved for a subscription to $all', async () => {
    const [target, links] = [aStream(), aStream('links')];
    await store.client.appendToStream(target, numberedUpTo(3));
    const subscription = follow(store.client.subscribeToAll({ fromPosition: END, resolveLinkTos: true }));
    await subscription.until(({ caughtUp }) => caughtUp === 1);
    await store.client.appendToStream(links, [linkTo(`1@${target}`)]);
    const isOurs = ({ link }: { link?: { streamId: string } }) => link?.streamId === links;
    await subscription.until(({ events }) => events.some(isOurs));
    expect(numbersOf(subscription.seen.events.filter(isOurs))).toEqual([1]);
    await subscription.stop();
  });
});

it('An event of another type is no link, whatever its data reads', async () => {
  const [target, stream] = [aStream(), aStream()];
  await store.client.appendToStream(target, [numbered(0)]);
  await store.client.appendToStream(stream, [{ ...linkTo(`0@${target}`), type: 'link' }]);
  const [resolved] = await read(store.client.readStream(stream, { resolveLinkTos: true }));
  expect(resolved).toMatchObject({ event: { type: 'link' } });
  expect(resolved?.link).toBeUndefined();
});

function linkTo(target: string) {
  return {
    ...jsonEvent({ type: '$>', data: {} }),
    contentType: 'application/octet-stream' as const,
    data: Buffer.from(target),
  };
}
