import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readBucket } from '../../test/support/bucket.ts';
import { eventually } from '../../test/support/eventually.ts';
import * as examples from '../../test/support/examples.ts';
import { givenLog } from '../../test/support/given-log.ts';
import { type NatsClient, natsClient } from '../../test/support/nats-client.ts';
import { type NatsProcess, natsServers, startNatsProcess } from '../../test/support/nats-process.ts';
import { connectNats } from '../infrastructure/nats.ts';
import { startMirror } from './mirror.ts';
import { startPublisher } from './publisher.ts';

const logger = pino({ level: 'silent' });
const timing = { look: 100, quiet: 50, backoff: { first: 20, longest: 200 } };
const events = 'MTI_EVENTS';
const bucket = 'KV_gateways';

describe.each(natsServers())('while nothing happens, with %s,', (_, file) => {
  let nats: NatsProcess;
  let client: NatsClient;

  beforeAll(async () => {
    nats = await startNatsProcess(file);
    client = await natsClient(nats.url);
  });

  afterAll(async () => {
    await client?.[Symbol.asyncDispose]();
    await nats?.[Symbol.asyncDispose]();
  });

  it('streams that an operator deletes are made and filled again, also where a client makes the bucket first', async () => {
    await using _published = publishing();
    await filled();
    await client.deleteStreams(events, bucket);
    await client.connection.jetstream().views.kv('gateways');
    await filled();
  });

  it('a bucket that an operator purges is filled again', async () => {
    await using _published = publishing();
    await filled();
    const { streams } = await client.connection.jetstreamManager();
    const { state: before } = await streams.info(bucket);
    await streams.purge(bucket);
    await filled();
    // What there is has been written since.
    expect((await streams.info(bucket)).state.first_seq).toBeGreaterThan(before.last_seq);
  });

  function publishing(): AsyncDisposable {
    const log = givenLog(...examples.storedInOrder(examples.factoryCreated(), examples.gatewayCreated()));
    const bus = connectNats({ url: nats.url, name: 'quiet-stream-test', logger });
    const parts = [startPublisher({ log, bus, logger, timing }), startMirror({ log, bus, logger, timing })];
    return {
      async [Symbol.asyncDispose]() {
        await Promise.all(parts.map((part) => part.stop()));
        await bus.close();
      },
    };
  }

  async function filled(): Promise<void> {
    await eventually(async () => {
      expect(await client.lastSequence(events)).toBe(2);
      expect((await readBucket(client)).size).toBe(1);
    });
  }
});
