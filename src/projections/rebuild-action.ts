// `npm run projections -- rebuild | rollback | verify`, for people.
import type { Action } from '../actions.ts';
import type { Context } from '../context.ts';
import { pendingMigrations } from '../database/migrate.ts';
import { grouped, progressBar } from '../database/progress-bar.ts';
import type { EventLog } from '../events/event-log.ts';
import { type RebuildOptions, rebuild, rollback } from './rebuild.ts';
import { verify } from './verify.ts';

export const rebuildAction: Action = {
  takes: '',
  servers: ['eventStore', 'postgres'],
  help: `Makes the tables anew from the events and swaps them in, while the service runs and queries are answered. Interrupted, it
leaves the live tables as they were. The former ones stay, for a rollback, until the next rebuild.`,
  run: async ({ context, openLog }) => {
    await using eventLog = openLog();
    const { events, parked } = await withProgress(context, eventLog, rebuild);
    context.logger.info(`${grouped(events)} events are in the new tables. The former ones are kept for a rollback`);
    if (parked === 0) return;
    context.logger.warn(
      `${grouped(parked)} streams are not shown as they should be, because the tables do not take one of their events: ` +
        'npm run projections -- parked list',
    );
  },
};

export const rollbackAction: Action = {
  takes: '',
  servers: ['eventStore', 'postgres'],
  help: `Brings the tables back that the last rebuild replaced, with the events that have come since. Once more, and the others
are back.`,
  run: async ({ context, openLog }) => {
    await using eventLog = openLog();
    const { events } = await rollback(await optionsOf(context, eventLog, () => undefined));
    context.logger.info(`The former tables are back, with ${grouped(events)} events that had come since`);
  },
};

export const verifyAction: Action = {
  takes: '',
  servers: ['eventStore', 'postgres'],
  help: `Makes the tables from the events once more, beside the live ones, and compares them row by row. Ends with 1 when they
differ, and shows the first differences of each table, but no password.`,
  run: async ({ context, openLog }) => {
    await using eventLog = openLog();
    const { events, differences } = await withProgress(context, eventLog, verify);
    if (differences.length === 0) {
      context.logger.info(`No difference: the tables are what ${grouped(events)} events say`);
      return;
    }
    for (const difference of differences) console.log(difference);
    throw new Error('The tables differ from the events, as shown. Make them anew: npm run projections -- rebuild');
  },
};

async function withProgress<T>(
  context: Context,
  eventLog: EventLog,
  run: (options: RebuildOptions) => Promise<T>,
): Promise<T> {
  const { logger } = context;
  const bar = progressBar({ head: await eventLog.head(), terminal: process.stderr, say: (line) => logger.info(line) });
  let reading = true;
  const endBar = (complete: boolean) => {
    if (reading) bar.end(complete);
    reading = false;
  };
  const options = await optionsOf(context, eventLog, bar.update, () => endBar(true));
  try {
    return await run(options);
  } finally {
    endBar(false);
  }
}

async function optionsOf(
  { urls, logger, stopping }: Context,
  eventLog: EventLog,
  onProgress: RebuildOptions['onProgress'],
  onRead: () => void = () => undefined,
): Promise<RebuildOptions> {
  const pending = await pendingMigrations(urls.postgres);
  if (pending.length > 0) throw new Error(`The database lacks ${pending.join(', ')}. First: npm run db:migrate`);
  return { databaseUrl: urls.postgres, eventLog, logger, signal: stopping, onProgress, onRead };
}
