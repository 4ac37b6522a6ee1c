import { describe, expect, it } from 'vitest';
import * as examples from '../../test/support/examples.ts';
import { givenLog } from '../../test/support/given-log.ts';
import { memoryStream } from '../../test/support/memory-stream.ts';
import { decode } from '../events/codec.ts';
import { type EventLog, type StoredEvent, StreamTombstoned } from '../events/event-log.ts';
import type { Message } from './bus.ts';
import { originOf, toMessage } from './message.ts';
import { checkOrigin, readTail } from './tail.ts';

const [created, updated, deleted] = examples.storedInOrder(
  examples.gatewayCreated(),
  examples.gatewayUpdated(),
  examples.gatewaySoftDeleted(),
) as [StoredEvent, StoredEvent, StoredEvent];

/** What EventStoreDB leaves of a stream that was deleted. */
const settings: StoredEvent = { ...deleted, stream: `$$${deleted.stream}`, type: '$metadata', revision: 0n };

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
  const elsewhere = examples.stored(examples.organizationCreated(), { revision: 0n, position: 900n });

  it('is fine when the log holds the event', () => fine(givenLog(created, updated, deleted)));

  it('is fine when the stream has been truncated behind the event', () => fine(givenLog(deleted)));

  it('is fine when the stream was deleted later', () => fine(givenLog(settings, elsewhere)));

  it('is fine when the stream was deleted later, for good', () => fine(tombstoned(elsewhere)));

  it('is fine when nothing was published yet', async () => {
    await checkOrigin(givenLog(), 'EVENTS', await tailOf());
  });

  it('is refused when the log does not hold the event, with the name of the stream to delete', async () => {
    await refused(givenLog(created, elsewhere), 'the NATS stream EVENTS belongs to another log');
    await refused(givenLog(elsewhere), 'nats stream rm EVENTS');
  });

  it('is refused when the log holds another event in its place', () =>
    refused(givenLog(created, { ...updated, id: created.id }), updated.id));

  it('is refused when the event stands elsewhere, as in a copy of the log', () =>
    refused(givenLog(created, { ...updated, position: { commit: 250n, prepare: 250n } }), updated.id));

  it('is refused when the log was taken back, and the stream has grown and been truncated again since', async () => {
    const before = { ...deleted, position: { commit: 150n, prepare: 150n } };
    await refused(givenLog(before, elsewhere), updated.id);
    // The end of the log is before what was published.
    await refused(givenLog({ ...settings, position: before.position }), updated.id);
    await refused(tombstoned({ ...settings, position: before.position }), updated.id);
  });

  async function fine(log: EventLog): Promise<void> {
    await checkOrigin(log, 'EVENTS', await tailOf(about(updated)));
  }

  async function refused(log: EventLog, why: string): Promise<void> {
    await expect(checkOrigin(log, 'EVENTS', await tailOf(about(updated)))).rejects.toThrow(why);
  }
});

function tombstoned(...events: readonly StoredEvent[]): EventLog {
  const log = givenLog(...events);
  const gone = () => Promise.reject(new StreamTombstoned(`${created.stream} has been deleted for good`));
  return { ...log, read: gone, readLast: gone };
}

async function tailOf(...messages: readonly (Message | undefined)[]) {
  const stream = memoryStream();
  stream.messages.push(...messages);
  return await readTail(stream, originOf);
}

function about(event: StoredEvent): Message | undefined {
  const decoded = decode(event);
  return decoded && toMessage(decoded);
}
