// Brings tables of another schema up to the log by the projector's own loop.
import type { EventLog, LogItem, Position } from '../events/event-log.ts';
import { type Connection, connect } from '../infrastructure/postgres.ts';
import { type Checkpoint, takeOver } from './checkpoint.ts';
import { follow, prepareSession } from './follow.ts';
import { comparePositions } from './progress.ts';
import { enterSchema } from './schema.ts';

/** Tables of a schema that follow the log when they are told to. */
export interface Follower extends AsyncDisposable {
  readonly connection: Connection;
  checkpoint(): Checkpoint;
  /** To the end of the log. */
  toTheEnd(signal: AbortSignal, onProgress?: (events: number, position: Position | undefined) => void): Promise<void>;
  /** To a position that the log has reached, exactly; nothing when they are past it already. */
  upTo(position: Position, signal: AbortSignal): Promise<void>;
}

export async function followIn(databaseUrl: string, schema: string, eventLog: EventLog): Promise<Follower> {
  const connection = await connect({ databaseUrl, name: 'registry rebuild (follower)', pipeline: true });
  try {
    const { client } = connection;
    await enterSchema(client, schema);
    let checkpoint = await takeOver(client);
    await prepareSession(client);
    return {
      connection,
      checkpoint: () => checkpoint,
      async toTheEnd(signal, onProgress) {
        const ending = new AbortController();
        const stopping = AbortSignal.any([signal, ending.signal]);
        await follow(connection, eventLog, checkpoint, stopping, (batch, moved) => {
          checkpoint = moved;
          onProgress?.(batch.events.length + batch.unknown.length, moved.position);
          if (batch.caughtUp) ending.abort();
        });
        signal.throwIfAborted();
      },
      async upTo(position, signal) {
        if (checkpoint.position && comparePositions(checkpoint.position, position) >= 0) return;
        await follow(connection, boundedLog(eventLog, position), checkpoint, signal, (_, moved) => {
          checkpoint = moved;
        });
        signal.throwIfAborted();
      },
      [Symbol.asyncDispose]: () => connection[Symbol.asyncDispose](),
    };
  } catch (error) {
    await connection[Symbol.asyncDispose]();
    throw error;
  }
}

/** A log whose subscriptions end at a position, with a checkpoint there. */
function boundedLog(eventLog: EventLog, end: Position): EventLog {
  return {
    ...eventLog,
    async *subscribe(options) {
      for await (const items of eventLog.subscribe(options)) {
        const within = items.filter((item) => isWithin(item, end));
        if (within.length === items.length && !items.some(({ kind }) => kind === 'caught-up')) {
          yield items;
          continue;
        }
        yield [...within.filter(({ kind }) => kind === 'event'), { kind: 'checkpoint', position: end }];
        return;
      }
    },
  };
}

function isWithin(item: LogItem, end: Position): boolean {
  if (item.kind === 'caught-up') return true;
  return comparePositions(item.kind === 'event' ? item.event.position : item.position, end) <= 0;
}
