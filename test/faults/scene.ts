// Where the faults happen: an event store of its own as a process, commands without end, projectors as processes, and a
// database that notes what is done to it. All of it is gone when the scope ends.
import { join } from 'node:path';
import { EventStoreDBClient } from '@eventstore/db-client';
import { expect } from 'vitest';
import { type Spawned, spawned } from '../../embedded/event-store/spawned.ts';
import { until } from '../../embedded/until.ts';
import { decode, type Recorded } from '../../src/events/codec.ts';
import type { Position, StoredEvent } from '../../src/events/event-log.ts';
import { type Checkpoint, readCheckpoint } from '../../src/projections/checkpoint.ts';
import { comparePositions } from '../../src/projections/progress.ts';
import { withClient } from '../support/database.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { installAudit, readAudit } from './audit.ts';
import { differences, irregularities, kindOf, type Row, type Rows } from './judge.ts';
import type { LoadReport } from './load-process.ts';
import { type Program, startProgram } from './program.ts';
import { seed } from './random.ts';

export const projecting = /"msg":"projecting"/;
export const standingBy = /standing by/;

export interface Scene extends AsyncDisposable {
  startProjector(): Program;
  readonly load: {
    /** Resolves when so many more commands have been answered. */
    goesOn(commands: number): Promise<void>;
    /** Resolves when every command that there is has been accepted at least once. */
    hasTriedAll(): Promise<void>;
    /** How many were answered in all, after the last one. */
    stop(): Promise<LoadReport>;
  };
  /** kill -9 of the event store, and the same again on its port and file. */
  restartEventStore(): Promise<void>;
  /** What the database says of it now. */
  checkpoint(): Promise<Checkpoint>;
  /** Resolves when the checkpoint stands at the end that the log has now, or behind it. */
  isProjected(): Promise<void>;
  /**
   * Compares all that there is with the log, when the load has stopped and the tables stand at its end.
   *
   * @returns the checkpoint of each projector's life, as it found it
   */
  expectNoDifference(): Promise<readonly Checkpoint[]>;
}

const patienceMs = 60_000;

/** @param databaseUrl of a database with the schema of this version and no rows */
export async function setScene(databaseUrl: string): Promise<Scene> {
  await using setting = new AsyncDisposableStack();
  const folder = setting.use(await temporaryFolder());
  const file = join(folder.path, 'events.db');
  let eventStore: Spawned = spawned(['--file', file, '--stop-with-parent']);
  setting.defer(() => eventStore.kill());
  const eventStoreUrl = await eventStore.ready;
  await installAudit(databaseUrl);

  const environment = { EVENTSTORE_URL: eventStoreUrl, DATABASE_URL: databaseUrl, SEED: `${seed}` };
  const load = setting.use(startProgram('load-process.ts', environment));
  let report: LoadReport = { answered: 0, untried: Number.POSITIVE_INFINITY, unavailable: 0 };
  load.child.on('message', (told: LoadReport) => {
    report = told;
  });
  const projectors: Program[] = [];
  const reports = async (isEnough: () => boolean) => {
    await until(() => isEnough() || load.child.exitCode !== null, patienceMs);
    if (!isEnough()) throw new Error(`the load does not go on: ${JSON.stringify(report)}. ${load.lastWords()}`);
  };
  const goesOn = (commands: number) => {
    const target = report.answered + commands;
    return reports(() => report.answered >= target);
  };
  await goesOn(50);

  const checkpoint = () => withClient(databaseUrl, readCheckpoint);
  const isProjected = async () => {
    const end = (await readLog(eventStoreUrl)).at(-1)?.position;
    const hasReached = async () => isAtOrBehind((await checkpoint()).position, end);
    if (await until(hasReached, patienceMs)) return;
    const words = projectors.filter(({ child }) => child.exitCode === null && child.signalCode === null);
    throw new Error(`the tables do not follow. ${words.map((projector) => projector.lastWords()).join('\n')}`);
  };

  const owned = setting.move();
  return {
    startProjector() {
      const projector = owned.use(startProgram('projector-process.ts', environment));
      projectors.push(projector);
      return projector;
    },
    load: {
      goesOn,
      hasTriedAll: () => reports(() => report.untried === 0),
      async stop() {
        load.child.send('stop');
        await load.ended;
        if (load.child.exitCode !== 0) throw new Error(`the load has failed. ${load.lastWords()}`);
        return report;
      },
    },
    async restartEventStore() {
      await eventStore.kill();
      eventStore = spawned(['--file', file, '--stop-with-parent', '--port', new URL(eventStoreUrl).port]);
      await eventStore.ready;
    },
    checkpoint,
    isProjected,
    async expectNoDifference() {
      await isProjected();
      const events = await readLog(eventStoreUrl);
      return withClient(databaseUrl, async (client) => {
        const audit = await readAudit(client);
        const rows: Rows = new Map([
          ...(await readRows('organizations')),
          ...(await readRows('factories')),
          ...(await readRows('gateways')),
        ]);
        expect(differences(events, rows).slice(0, 10)).toEqual([]);
        expect(irregularities(events, audit).slice(0, 10)).toEqual([]);
        const takeovers = audit.moves.filter(({ before, after }) => after.epoch > before.epoch);
        return takeovers.map(({ after }) => after);

        async function readRows(table: string): Promise<readonly (readonly [string, Row])[]> {
          const found = await client.query<Row>(`SELECT * FROM ${table}`);
          return found.rows.map((row) => [`${table} ${row.id}`, readable(row)]);
        }
      });
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** The events that tables are made of, as nobody's filter but ours sees them. */
async function readLog(url: string): Promise<readonly Recorded[]> {
  const client = EventStoreDBClient.connectionString(url);
  const events: Recorded[] = [];
  try {
    for await (const { event } of client.readAll()) {
      if (event === undefined || kindOf(event.streamId) === undefined) continue;
      const recorded = decode({ ...event, stream: event.streamId } as StoredEvent);
      if (recorded === undefined) throw new Error(`${event.streamId} holds a ${event.type}`);
      events.push(recorded);
    }
  } finally {
    await client.dispose();
  }
  return events;
}

function isAtOrBehind(position: Position | undefined, end: Position | undefined): boolean {
  if (end === undefined) return true;
  return position !== undefined && comparePositions(position, end) >= 0;
}

function readable(row: Row): Row {
  return {
    ...Object.fromEntries(
      Object.entries(row).map(([column, value]) => [column, value instanceof Date ? value.toISOString() : value]),
    ),
    stream_revision: BigInt(String(row.stream_revision)),
  };
}
