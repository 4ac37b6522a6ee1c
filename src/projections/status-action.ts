// `npm run projections -- status`: how the read model stands, for people.
import type { Logger } from 'pino';
import type { Action } from '../actions.ts';
import type { EventLog } from '../events/event-log.ts';
import { createPool } from '../infrastructure/postgres.ts';
import { startListener } from './announcements.ts';
import { describeLag } from './lag.ts';
import { createProgress } from './progress.ts';
import { createReadiness, isBehindForLong, type Readiness, type ReadModelStatus, stalledAfter } from './readiness.ts';

export const statusAction: Action = {
  takes: '',
  servers: ['eventStore', 'postgres'],
  help: `Shows how far the tables are, how far behind the events, whether that changes, and what is parked.
Ends with 1 when progress has stalled, something is parked, or a store cannot be asked.`,
  run: async ({ context: { urls, logger, stopping }, openLog }) => {
    await using eventLog = openLog();
    const readiness = await readProjectionStatus({ databaseUrl: urls.postgres, eventLog, logger, signal: stopping });
    if (readiness.readModel) console.log(renderReadModel(readiness.readModel));
    const complaint = complaintOf(readiness);
    if (complaint !== undefined) throw new Error(complaint);
  },
};

export interface ProjectionStatusOptions {
  readonly databaseUrl: string;
  readonly eventLog: EventLog;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  /** For how long it watches tables that are behind. Default: until they count as stalled. */
  readonly watchFor?: number;
}

/** How the read model stands. When it is behind for long, it is watched for a while to see whether it moves. */
export async function readProjectionStatus({
  databaseUrl,
  eventLog,
  logger,
  signal,
  watchFor = stalledAfter,
}: ProjectionStatusOptions): Promise<Readiness> {
  await using scope = new AsyncDisposableStack();
  const pool = scope.adopt(createPool({ databaseUrl, logger, poolMax: 1 }), (connections) => connections.end());
  const progress = createProgress();
  const readiness = await createReadiness({ pool, eventLog, progress, logger, answerWithin: 10_000 })();
  const { readModel } = readiness;
  if (readModel === undefined || !isBehindForLong(readModel.lag)) return readiness;
  scope.adopt(startListener({ databaseUrl, progress, logger }), (loop) => loop.stop());
  const next = { commit: readModel.position?.commit ?? 0n, prepare: (readModel.position?.prepare ?? -1n) + 1n };
  const stalled = !(await progress.reached(next, watchFor, signal));
  return { ...readiness, readModel: { ...readModel, stalled } };
}

/** The status as a small table. */
export function renderReadModel({ position, lag, projecting, parked, rebuiltAt, stalled }: ReadModelStatus): string {
  const lines = [
    ['Projector', projecting ? 'running' : 'not running'],
    ['Position', position === undefined ? 'at the start' : String(position.commit)],
    ['Lag', describeLag(lag)],
    ['Progress', stalled ? `stalled for ${stalledAfter / 1_000} s or longer` : 'not stalled'],
    ['Parked', parked === 0 ? 'nothing' : `${parked} ${parked === 1 ? 'stream' : 'streams'}`],
    ['Last rebuild', rebuiltAt ?? 'never'],
  ];
  return lines.map(([label = '', text]) => `${label.padEnd(14)}${text}`).join('\n');
}

/** What is to be done, if something is. */
export function complaintOf({ postgres, eventStore, readModel }: Readiness): string | undefined {
  if (postgres === 'outdated') return 'Bring the database up to date with: npm run db:migrate';
  if (postgres === 'unreachable') return 'Postgres cannot be asked: start it, or correct DATABASE_URL.';
  if (eventStore === 'unreachable') return 'The event store cannot be asked: start it, or correct EVENTSTORE_URL.';
  if (readModel?.stalled) {
    return readModel.projecting
      ? 'The projector makes no progress. The log of the service says why.'
      : 'Nobody makes progress, because no projector runs. Start one with: npm start';
  }
  if (readModel !== undefined && readModel.parked > 0) {
    return 'Events are parked. See them with: npm run projections -- parked list';
  }
  return undefined;
}
