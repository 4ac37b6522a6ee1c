// A reader that does not read costs the server a page or two of the log, and not what is in it.

import shared from '@eventstore/db-client/generated/shared_pb.js';
import grpcStreams from '@eventstore/db-client/generated/streams_grpc_pb.js';
import streams from '@eventstore/db-client/generated/streams_pb.js';
import { credentials } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { openLog, type Page } from './log.ts';
import { serveLog } from './server.ts';

const { Options } = streams.ReadReq;
const eventCount = 60;
const data = new Uint8Array(1_000_000);

describe.each([
  ['A read of $all', (options: InstanceType<typeof Options>) => options.setCount('1000')],
  [
    'A subscription to $all',
    (options: InstanceType<typeof Options>) => options.setSubscription(new Options.SubscriptionOptions()),
  ],
])('%s', (_, endingIn) => {
  it('reads no further than its reader takes, and everything once that goes on', async () => {
    const log = openLog(':memory:');
    let read = 0;
    const counted = (page: Page): Page => {
      read += page.events.length;
      return page;
    };
    log.transact((write) => {
      for (let n = 0; n < eventCount; n += 1) {
        const event = { id: crypto.randomUUID(), type: 'large', isJson: false, data, metadata: new Uint8Array() };
        write('large', BigInt(n), event, 0n);
      }
    });
    const server = await serveLog({ ...log, allForwards: (...range) => counted(log.allForwards(...range)) }, {});
    const client = new grpcStreams.StreamsClient(`127.0.0.1:${server.port}`, credentials.createInsecure());
    const all = new Options.AllOptions().setStart(new shared.Empty());
    const ids = new Options.UUIDOption().setString(new shared.Empty());
    const options = new Options().setAll(all).setUuidOption(ids).setNoFilter(new shared.Empty());
    const call = client.read(new streams.ReadReq().setOptions(endingIn(options)));
    let received = 0;
    const all60 = Promise.withResolvers<void>();
    const stalled = Promise.withResolvers<void>();
    call.on('error', () => undefined);
    call.on('data', (response: InstanceType<typeof streams.ReadResp>) => {
      if (!response.hasEvent()) return;
      received += 1;
      if (received === 1) {
        call.pause();
        stalled.resolve();
      }
      if (received === eventCount) all60.resolve();
    });

    await stalled.promise;
    // Others are served meanwhile: whatever the stalled call could still do, it has had the time for.
    for (let n = 0; n < 20; n += 1) await lastOf(client);
    expect(read).toBeLessThan(eventCount / 2);

    call.resume();
    await all60.promise;
    expect(received).toBe(eventCount);
    call.cancel();
    client.close();
    await server.stop();
  });
});

function lastOf(client: InstanceType<typeof grpcStreams.StreamsClient>): Promise<void> {
  const stream = new Options.StreamOptions().setEnd(new shared.Empty());
  stream.setStreamIdentifier(new shared.StreamIdentifier().setStreamName(Buffer.from('large')));
  const ids = new Options.UUIDOption().setString(new shared.Empty());
  const options = new Options().setStream(stream).setUuidOption(ids).setNoFilter(new shared.Empty()).setCount('1');
  options.setReadDirection(Options.ReadDirection.BACKWARDS);
  return new Promise((resolve, reject) => {
    client
      .read(new streams.ReadReq().setOptions(options))
      .on('data', () => undefined)
      .on('error', reject)
      .on('end', () => resolve());
  });
}
