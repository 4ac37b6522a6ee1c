import shared from '@eventstore/db-client/generated/shared_pb.js';
import streams from '@eventstore/db-client/generated/streams_pb.js';
import { describe, expect, it } from 'vitest';
import { eventOfResponse } from './read-response.ts';

describe('the event of a message', () => {
  it('is what the protobuf of the client says', () => {
    expect(eventOfResponse(messageOf({}))).toEqual({
      stream: 'gateway-ü🚀',
      revision: 7n,
      position: { commit: 101n, prepare: 99n },
      id: '0194e000-0000-7000-8000-000000000001',
      type: 'GatewayUpdated',
      data: { name: 'Hall ü 🚀\n' },
      metadata: { actor: 'somebody' },
    });
  });

  it.each([0n, 127n, 128n, 2n ** 49n - 1n, 2n ** 49n, 2n ** 53n + 1n, 2n ** 63n, 2n ** 64n - 1n])(
    'has positions and revisions as exact 64-bit numbers: %s',
    (number) => {
      const event = eventOfResponse(messageOf({ commit: number || 1n, prepare: number || 1n, revision: number }));
      expect(event?.revision).toBe(number);
      expect(event?.position).toEqual({ commit: number || 1n, prepare: number || 1n });
    },
  );

  it('has data that is no JSON as it was written: bytes, or text that cannot be parsed', () => {
    const bytes = Buffer.from([0, 255, 1]);
    expect(eventOfResponse(messageOf({ contentType: 'application/octet-stream', data: bytes }))?.data).toEqual(bytes);
    expect(eventOfResponse(messageOf({ data: Buffer.from('{half') }))?.data).toBe('{half');
  });

  it('is not there in a message of another kind', () => {
    const caughtUp = new streams.ReadResp().setCaughtUp(new streams.ReadResp.CaughtUp());
    expect(eventOfResponse(Buffer.from(caughtUp.serializeBinary()))).toBeUndefined();
    expect(eventOfResponse(Buffer.alloc(0))).toBeUndefined();
  });

  it('is refused when a message is cut off, wherever that is', () => {
    const whole = messageOf({});
    for (let length = 1; length < 40; length++) {
      expect(() => eventOfResponse(whole.subarray(0, length))).toThrow();
    }
  });
});

function messageOf({
  commit = 101n,
  prepare = 99n,
  revision = 7n,
  contentType = 'application/json',
  data = Buffer.from(JSON.stringify({ name: 'Hall ü 🚀\n' })),
}): Buffer {
  const event = new streams.ReadResp.ReadEvent.RecordedEvent();
  event.setId(new shared.UUID().setString('0194e000-0000-7000-8000-000000000001'));
  event.setStreamIdentifier(new shared.StreamIdentifier().setStreamName(Buffer.from('gateway-ü🚀')));
  event.setStreamRevision(`${revision}`).setCommitPosition(`${commit}`).setPreparePosition(`${prepare}`);
  event.getMetadataMap().set('created', '639000000000000000').set('type', 'GatewayUpdated');
  event.getMetadataMap().set('content-type', contentType);
  event.setCustomMetadata(Buffer.from(JSON.stringify({ actor: 'somebody' }))).setData(data);
  const read = new streams.ReadResp.ReadEvent().setEvent(event).setCommitPosition(`${commit}`);
  return Buffer.from(new streams.ReadResp().setEvent(read).serializeBinary());
}
