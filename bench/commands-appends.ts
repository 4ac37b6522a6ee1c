// Appends events with the bare client, as a process of its own: the limit of whatever keeps its events there.

import { randomUUID } from 'node:crypto';
import { EventStoreDBClient, jsonEvent } from '@eventstore/db-client';
import { uuidv7 } from '../src/events/new-id.ts';

/** An event as the service has written it: the same is appended, with other ids. */
export interface Sample {
  readonly type: string;
  readonly data: object;
  readonly metadata: object;
}

export interface Appends {
  /** Each to a stream of its own: a new one, or one of those that were made first, at its revision. */
  readonly ask: 'create' | 'change';
  readonly sample: Sample;
  readonly commands: number;
  /** How many at a time. */
  readonly connections: number;
}

const [url = ''] = process.argv.slice(2);
const client = EventStoreDBClient.connectionString(url);
/** The streams that were made first, with the revision they are at. */
const known: { readonly stream: string; revision: bigint }[] = [];

process.on('SIGINT', () => undefined);
process.on('disconnect', () => process.exit());
process.on('message', (appends: Appends) => {
  append(appends).then(
    (seconds) => process.send?.({ seconds }),
    (error: unknown) => process.send?.({ error: String(error) }),
  );
});

async function append({ ask, sample, commands, connections }: Appends): Promise<number> {
  let next = 0;
  const keeps = known.length === 0;
  const one = async () => {
    while (next < commands) {
      const index = next++;
      if (ask === 'create') await create(sample, keeps);
      else await change(sample, index);
    }
  };
  const started = performance.now();
  await Promise.all(Array.from({ length: connections }, one));
  return (performance.now() - started) / 1_000;
}

async function create(sample: Sample, keeps: boolean): Promise<void> {
  const id = uuidv7();
  // Nobody's category, so that no table is made of it.
  const stream = `limit-${id}`;
  const { nextExpectedRevision } = await client.appendToStream(stream, eventOf(sample, id), {
    expectedRevision: 'no_stream',
  });
  if (keeps) known.push({ stream, revision: nextExpectedRevision });
}

async function change(sample: Sample, index: number): Promise<void> {
  const place = known[index % known.length];
  if (place === undefined) throw new Error('there is no stream yet');
  const { nextExpectedRevision } = await client.appendToStream(
    place.stream,
    eventOf(sample, place.stream.slice('limit-'.length)),
    { expectedRevision: place.revision },
  );
  place.revision = nextExpectedRevision;
}

function eventOf({ type, data, metadata }: Sample, id: string) {
  return jsonEvent({ id: randomUUID(), type, data: { ...data, id }, metadata: { ...metadata, commandId: uuidv7() } });
}
