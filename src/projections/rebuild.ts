// The read model made anew from the whole log, beside the live one, which it then takes the place of.
import type { Logger } from 'pino';
import type { EventLog, Position } from '../events/event-log.ts';
import type { Connection } from '../infrastructure/postgres.ts';
import { draftWhole, load, PoisonedLoad } from './bulk-load.ts';
import { type Follower, followIn } from './catch-up.ts';
import { readCheckpoint } from './checkpoint.ts';
import { refuseAnotherLog } from './origin.ts';
import { listParked, retryParked } from './parked.ts';
import { definitionOf, dropSchema, liveSchema, schemaExists } from './schema.ts';
import { dropOrLeave, nextSchema, openSession, previousSchema, RebuildRefused, refuseDependents } from './session.ts';
import { swap } from './swap.ts';

export interface RebuildOptions {
  /** A migrated database; a projector may work on it. */
  readonly databaseUrl: string;
  readonly eventLog: EventLog;
  readonly logger: Logger;
  /** Ends the rebuild; the live tables are then as they were. */
  readonly signal: AbortSignal;
  readonly onProgress: (rebuilt: Rebuilt) => void;
  /** Told when all is read that there was to read. */
  readonly onRead?: () => void;
  /** About how many bytes of rows are held before they are written. */
  readonly memory?: number;
}

/** How much of the log is in the tables. */
export interface Rebuilt {
  readonly events: number;
  /** Undefined before the first event. */
  readonly position: Position | undefined;
}

/** What has come of a rebuild. */
export interface Rebuild extends Rebuilt {
  /** How many streams wait behind an event that the tables do not take. */
  readonly parked: number;
}

/**
 * Makes the tables anew and swaps them in.
 *
 * @throws RebuildRefused, or whatever stops it; the live tables are then as they were
 */
export async function rebuild(options: RebuildOptions): Promise<Rebuild> {
  const { databaseUrl, eventLog, logger, signal } = options;
  await using session = await openSession(databaseUrl, logger);
  await refuseDependents(session);
  await refuseAnotherLog(session.client, eventLog, await readCheckpoint(session.client));
  return await untouchedUnlessDone(session, nextSchema, options, async () => {
    const rebuilt = await fillSchema(session, nextSchema, options);
    await using follower = await followIn(databaseUrl, nextSchema, eventLog);
    logger.info('Catching up, and swapping');
    await swap({ session, follower, schema: nextSchema, signal, logger });
    const parked = await listParked(session.client);
    return { ...rebuilt, position: follower.checkpoint().position, parked: parked.length };
  });
}

/**
 * Brings back the tables that the last rebuild replaced, after they have caught up. Done twice, it changes nothing but the
 * order in which both sets of tables were made.
 *
 * @throws RebuildRefused when there are none, or a migration has changed the live ones since
 */
export async function rollback({ databaseUrl, eventLog, logger, signal }: RebuildOptions): Promise<Rebuilt> {
  await using session = await openSession(databaseUrl, logger);
  const { client } = session;
  if (!(await schemaExists(client, previousSchema))) {
    throw new RebuildRefused('There is nothing to roll back to: no rebuild has replaced the tables yet.');
  }
  await refuseDependents(session);
  const [live, previous] = [await definitionOf(client, liveSchema), await definitionOf(client, previousSchema)];
  if (live.join('\n') !== previous.join('\n')) {
    throw new RebuildRefused(
      `The previous tables are not defined as the live ones are: one of them was changed since, by a migration or by hand ` +
        `(${firstDifference(live, previous)}). Make them anew instead: npm run projections -- rebuild`,
    );
  }
  await using follower = await followIn(databaseUrl, previousSchema, eventLog);
  await refuseAnotherLog(follower.connection.client, eventLog, follower.checkpoint());
  let events = 0;
  await follower.toTheEnd(signal, (more) => {
    events += more;
  });
  await swap({ session, follower, schema: previousSchema, signal, logger });
  return { events, position: follower.checkpoint().position };
}

function firstDifference(live: readonly string[], previous: readonly string[]): string {
  const added = live.find((definition) => !previous.includes(definition));
  return added ?? `no more: ${previous.find((definition) => !live.includes(definition))}`;
}

/** Gives the schema everything that the log holds, or what it holds up to a position. */
export async function fillSchema(
  session: Connection,
  schema: string,
  {
    databaseUrl,
    eventLog,
    logger,
    signal,
    onProgress,
    onRead = () => undefined,
    memory,
    upTo,
  }: RebuildOptions & { readonly upTo?: Position | undefined },
): Promise<Rebuilt> {
  const ending = AbortSignal.any([signal, session.lost]);
  try {
    return await load({
      databaseUrl,
      eventLog,
      schema,
      signal: ending,
      upTo,
      onProgress,
      onPhase(phase) {
        onRead();
        logger.info(phase);
      },
      ...(memory !== undefined && { memory }),
    });
  } catch (error) {
    if (!(error instanceof PoisonedLoad)) throw error;
    logger.warn(
      `Events have values that the tables do not take (${error.message}). Starting over, event by event, to park these`,
    );
    await dropSchema(session.client, schema);
    await draftWhole(databaseUrl, schema, ending);
    await using follower = await followIn(databaseUrl, schema, eventLog);
    const rebuilt = await followSlowly(follower, upTo, ending, onProgress);
    // A stream whose later events mend it is shown, as it would be had the load gone through.
    await retryParked(follower.connection.client);
    return rebuilt;
  }
}

async function followSlowly(
  follower: Follower,
  upTo: Position | undefined,
  signal: AbortSignal,
  onProgress: RebuildOptions['onProgress'],
): Promise<Rebuilt> {
  let events = 0;
  if (upTo !== undefined) await follower.upTo(upTo, signal);
  else {
    await follower.toTheEnd(signal, (more, position) => {
      events += more;
      onProgress({ events, position });
    });
  }
  return { events, position: follower.checkpoint().position };
}

/** Whatever ends it early leaves nothing behind, and says what that means for the live tables. */
async function untouchedUnlessDone<T>(
  session: Connection,
  schema: string,
  { signal, logger }: RebuildOptions,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    await dropOrLeave(session, schema, logger);
    if (signal.aborted) throw new Error('Interrupted. The live tables are as they were.', { cause: error });
    logger.warn('The rebuild did not come to its end; the live tables are as they were');
    throw error;
  }
}
