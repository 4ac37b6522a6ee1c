import shared from '@eventstore/db-client/generated/shared_pb.js';
import streams from '@eventstore/db-client/generated/streams_pb.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { eventBytes, type IdFormat, type ResolvedEvent } from './event-bytes.ts';
import { deletedRevision, type RecordedEvent } from './records.ts';

const number = fc.bigInt({ min: 0n, max: deletedRevision });
const bytes = fc.uint8Array({ maxLength: 300 });

const event: fc.Arbitrary<RecordedEvent> = fc.record({
  position: number,
  stream: fc.string({ unit: 'grapheme', maxLength: 200 }),
  revision: number,
  id: fc.uuid(),
  type: fc.string({ unit: 'grapheme' }),
  isJson: fc.boolean(),
  createdTicks: number,
  data: bytes,
  metadata: bytes,
});
const resolved = fc.record({
  event: fc.option(event, { nil: undefined }),
  link: fc.option(event, { nil: undefined }),
});

const anEvent: RecordedEvent = {
  position: 7n,
  stream: 'gateway-1',
  revision: 3n,
  id: '0194e000-0000-7000-8000-000000000001',
  type: 'GatewayUpdated',
  isJson: true,
  createdTicks: 639_000_000_000_000_000n,
  data: Buffer.from('{}'),
  metadata: Buffer.from('{}'),
};

describe('the bytes of an event', () => {
  it('are those that the protobuf of the client makes', () => {
    const ids = fc.constantFrom<IdFormat>('string', 'structured');
    fc.assert(
      fc.property(resolved, ids, (read, format) => {
        fc.pre(read.event !== undefined || read.link !== undefined);
        expect(eventBytes(read, format)).toEqual(Buffer.from(responseOf(read, format).serializeBinary()));
      }),
    );
  });

  it.each([0n, 1n, 127n, 128n, 2n ** 49n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 56n, deletedRevision])(
    'have numbers to the last digit: %s',
    (exact) => {
      const read = { event: { ...anEvent, position: exact, revision: exact }, link: undefined };
      const back = streams.ReadResp.deserializeBinary(eventBytes(read, 'string')).getEvent();
      expect(back?.getCommitPosition()).toBe(`${exact}`);
      expect(back?.getEvent()?.getStreamRevision()).toBe(`${exact}`);
    },
  );

  it('have room for the longest names there are: every character of three bytes', () => {
    const names = { stream: '…'.repeat(1_000), type: '…'.repeat(1_000) };
    const read = { event: { ...anEvent, ...names }, link: { ...anEvent, ...names } };
    expect(eventBytes(read, 'string')).toEqual(Buffer.from(responseOf(read, 'string').serializeBinary()));
  });
});

function responseOf({ event, link }: ResolvedEvent, ids: IdFormat): streams.ReadResp {
  const read = new streams.ReadResp.ReadEvent();
  if (event) read.setEvent(recordedEvent(event, ids));
  if (link) read.setLink(recordedEvent(link, ids));
  read.setCommitPosition(`${(link ?? event)?.position}`);
  return new streams.ReadResp().setEvent(read);
}

function recordedEvent(event: RecordedEvent, ids: IdFormat) {
  const recorded = new streams.ReadResp.ReadEvent.RecordedEvent();
  recorded
    .setId(uuid(event.id, ids))
    .setStreamIdentifier(new shared.StreamIdentifier().setStreamName(Buffer.from(event.stream)))
    .setStreamRevision(`${event.revision}`)
    .setPreparePosition(`${event.position}`)
    .setCommitPosition(`${event.position}`)
    .setCustomMetadata(event.metadata)
    .setData(event.data);
  recorded
    .getMetadataMap()
    .set('type', event.type)
    .set('created', `${event.createdTicks}`)
    .set('content-type', event.isJson ? 'application/json' : 'application/octet-stream');
  return recorded;
}

function uuid(id: string, ids: IdFormat): shared.UUID {
  if (ids === 'string') return new shared.UUID().setString(id);
  const hex = id.replaceAll('-', '');
  const half = (digits: string) => `${BigInt.asIntN(64, BigInt(`0x${digits}`))}`;
  const halves = new shared.UUID.Structured();
  halves.setMostSignificantBits(half(hex.slice(0, 16))).setLeastSignificantBits(half(hex.slice(16)));
  return new shared.UUID().setStructured(halves);
}
