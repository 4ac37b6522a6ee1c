// Where the faults happen: an event store of its own as a process, commands without end, projectors as processes, and a
// database that notes what is done to it. All of it is gone when the scope ends.
import { expect } from 'vitest';
import { until } from '../../embedded/until.ts';
import { decode, type Recorded } from '../../src/events/codec.ts';
import type { Position } from '../../src/events/event-log.ts';
import { type Checkpoint, readCheckpoint } from '../../src/projections/checkpoint.ts';
import { comparePositions } from '../../src/projections/progress.ts';
import { withClient } from '../support/database.ts';
import { installAudit, readAudit } from './audit.ts';
import { readEvents, startEventStoreProcess } from './event-store.ts';
import { differences, irregularities, kindOf, type Row, type Rows } from './judge.ts';
import { type Load, startLoad } from './load.ts';
import { type Program, startProgram } from './program.ts';

export const projecting = /"msg":"projecting"/;
export const standingBy = /standing by/;

export interface Scene extends AsyncDisposable {
  startProjector(): Program;
  readonly load: Load;
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
  const eventStore = setting.use(await startEventStoreProcess());
  const eventStoreUrl = eventStore.url;
  await installAudit(databaseUrl);
  const load = setting.use(await startLoad(eventStoreUrl));
  const environment = { EVENTSTORE_URL: eventStoreUrl, DATABASE_URL: databaseUrl };
  const projectors: Program[] = [];

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
    load,
    restartEventStore: eventStore.restart,
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
          ...(await readRows('gateway_presence')),
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

/** The events that tables are made of. */
async function readLog(url: string): Promise<readonly Recorded[]> {
  const events = await readEvents(url, (stream) => kindOf(stream) !== undefined);
  return events.map((event) => {
    const recorded = decode(event);
    if (recorded === undefined) throw new Error(`${event.stream} holds a ${event.type}`);
    return recorded;
  });
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
