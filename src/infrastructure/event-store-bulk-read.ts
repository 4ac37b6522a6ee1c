// Reading the whole log fast: one call of our own over the client's connection, filtered by the server, decoded from the
// bytes.
import type { EventStoreDBClient } from '@eventstore/db-client';
import shared from '@eventstore/db-client/generated/shared_pb.js';
import streamsGrpc from '@eventstore/db-client/generated/streams_grpc_pb.js';
import streams from '@eventstore/db-client/generated/streams_pb.js';
import type { CallOptions, ClientReadableStream, Metadata } from '@grpc/grpc-js';
import type { LogFilter, Position, StoredEvent, SubscriptionOptions } from '../events/event-log.ts';
import { asPortError } from './event-store-errors.ts';
import { createSignal, type Patience, within } from './event-store-waiting.ts';
import { eventOfResponse } from './read-response.ts';

/**
 * So many events are worth handing on, or as many as have come within so many milliseconds: whoever makes messages or rows of
 * them pays for each portion, and so does whoever receives those. What is live comes by subscription, and does not wait.
 */
const worthwhile = 128;
const gatherMs = 2;

/**
 * The events that the filter lets through, up to the end of the log, as they arrive.
 *
 * @throws EventLogUnavailable
 */
export async function* readInBulk(
  client: EventStoreDBClient,
  { after, signal, maxBatch = 1_000, ...asked }: SubscriptionOptions,
  patience: Patience,
): AsyncGenerator<readonly StoredEvent[]> {
  if (signal.aborted) return;
  const arrived = createSignal();
  let batch: StoredEvent[] = [];
  let gathering: NodeJS.Timeout | undefined;
  let ended: unknown;
  const end = (reason: unknown) => {
    ended ??= reason;
    arrived.notify();
  };
  const onAbort = () => end('aborted');
  signal.addEventListener('abort', onAbort);
  let reading: ClientReadableStream<Buffer> | undefined;
  try {
    reading = await within(patience, startReading(client, asked, after), 'a read of $all');
    const stream = reading;
    stream.on('data', (bytes: Buffer) => {
      try {
        const event = eventOfResponse(bytes);
        // A read begins with the event at the position, a subscription after it.
        if (event === undefined || isSame(event.position, after)) return;
        batch.push(event);
      } catch (error) {
        end(error);
      }
      if (batch.length >= maxBatch) stream.pause();
      if (batch.length >= Math.min(worthwhile, maxBatch)) arrived.notify();
      else gathering ??= setTimeout(arrived.notify, gatherMs);
    });
    stream.on('error', (error) => end(asPortError(error)));
    stream.on('end', () => end('end'));
    while (ended === undefined) {
      await arrived.wait();
      if (batch.length === 0 || ended === 'aborted') continue;
      clearTimeout(gathering);
      gathering = undefined;
      const taken = batch;
      batch = [];
      stream.resume();
      yield taken;
    }
    if (ended === 'end' && batch.length > 0) yield batch;
    if (ended !== 'end' && ended !== 'aborted') throw ended;
  } catch (error) {
    throw asPortError(error);
  } finally {
    clearTimeout(gathering);
    signal.removeEventListener('abort', onAbort);
    reading?.cancel();
  }
}

function isSame(position: Position, after: Position | 'start'): boolean {
  return after !== 'start' && position.commit === after.commit && position.prepare === after.prepare;
}

/** What a client keeps for its own methods: the way to the leader, its credentials, and a look at how calls end. */
interface Calls {
  GRPCStreamCreator<T>(
    service: unknown,
    name: string,
    call: (service: InstanceType<typeof streamsGrpc.StreamsClient>) => T,
  ): () => Promise<T>;
  callArguments(options: object, callOptions: CallOptions): [Metadata, CallOptions];
}

/**
 * The client can filter a subscription but not a read, and decodes what it reads at length; hence a call of our own, over
 * the client's connection. The filter lets the server pass over the streams that no table is made of.
 */
function startReading(
  client: EventStoreDBClient,
  asked: LogFilter,
  after: Position | 'start',
): Promise<ClientReadableStream<Buffer>> {
  const calls = client as unknown as Calls;
  const request = new streams.ReadReq().setOptions(bulkReadOptions(asked, after));
  const start = calls.GRPCStreamCreator(streamsGrpc.StreamsClient, 'readAll', (service) =>
    service.makeServerStreamRequest(
      '/event_store.client.streams.Streams/Read',
      (message: InstanceType<typeof streams.ReadReq>) => Buffer.from(message.serializeBinary()),
      (bytes: Buffer) => bytes,
      request,
      ...calls.callArguments({}, { deadline: Number.POSITIVE_INFINITY }),
    ),
  );
  return start();
}

function bulkReadOptions({ streamPrefixes, types }: LogFilter, after: Position | 'start') {
  const { Options } = streams.ReadReq;
  const all = new Options.AllOptions();
  if (after === 'start') {
    all.setStart(new shared.Empty());
  } else {
    const position = new Options.Position();
    all.setPosition(position.setCommitPosition(`${after.commit}`).setPreparePosition(`${after.prepare}`));
  }
  const filter = new Options.FilterOptions();
  const expression = new Options.FilterOptions.Expression().setPrefixList([...(streamPrefixes ?? types)]);
  if (streamPrefixes) filter.setStreamIdentifier(expression);
  else filter.setEventType(expression);
  // How many records the server looks at before it hands on what it has found.
  filter.setMax(1_000).setCheckpointintervalmultiplier(1);
  return new Options()
    .setAll(all)
    .setFilter(filter)
    .setCount(`${Number.MAX_SAFE_INTEGER}`)
    .setReadDirection(Options.ReadDirection.FORWARDS)
    .setUuidOption(new Options.UUIDOption().setString(new shared.Empty()));
}
