import { describe, expect, it } from 'vitest';
import * as examples from '../../test/support/examples.ts';
import { givenLog } from '../../test/support/given-log.ts';
import { memoryStream } from '../../test/support/memory-stream.ts';
import { decode } from '../events/codec.ts';
import type { StoredEvent } from '../events/event-log.ts';
import type { Message } from './bus.ts';
import { originOf, toMessage } from './message.ts';
import { checkOrigin, readTail } from './tail.ts';

const [created, updated, deleted] = examples.storedInOrder(
  examples.gatewayCreated(),
  examples.gatewayUpdated(),
  examples.gatewaySoftDeleted(),
) as [StoredEvent, StoredEvent, StoredEvent];

const strange: Message = { subject: 'mti.evt.v1.stranger', headers: {}, body: '' };

describe('the tail of the stream', () => {
  it('of an empty stream has no origin', async () => {
    expect(await tailOf()).toEqual({ sequence: 0, origin: undefined });
  });

  it('is the last message', async () => {
    expect(await tailOf(about(created), about(updated))).toMatchObject({
      sequence: 2,
      origin: { eventId: updated.id },
    });
  });

  it('steps over what a stranger wrote and what was deleted', async () => {
    const tail = await tailOf(about(created), about(updated), undefined, strange, undefined);
    expect(tail).toMatchObject({ sequence: 5, origin: { eventId: updated.id, position: updated.position } });
  });

  it('has no origin when only a stranger wrote', async () => {
    expect(await tailOf(strange, strange)).toEqual({ sequence: 2, origin: undefined });
  });
});

describe('the origin of the tail', () => {
  it('is fine when the log holds the event', async () => {
    await checkOrigin(givenLog(created, updated, deleted), await tailOf(about(updated)));
  });

  it('is fine when the stream has been truncated behind the event', async () => {
    await checkOrigin(givenLog(deleted), await tailOf(about(updated)));
  });

  it('is fine when nothing was published yet', async () => {
    await checkOrigin(givenLog(), await tailOf());
  });

  it('is refused when the log does not hold the event', async () => {
    await expect(checkOrigin(givenLog(created), await tailOf(about(updated)))).rejects.toThrow(
      'belongs to another log',
    );
  });

  it('is refused when the log holds another event in its place', async () => {
    const other = { ...updated, id: created.id };
    await expect(checkOrigin(givenLog(created, other), await tailOf(about(updated)))).rejects.toThrow(updated.id);
  });
});

async function tailOf(...messages: readonly (Message | undefined)[]) {
  const stream = memoryStream();
  stream.messages.push(...messages);
  return await readTail(stream, originOf);
}

function about(event: StoredEvent): Message | undefined {
  const decoded = decode(event);
  return decoded && toMessage(decoded);
}
