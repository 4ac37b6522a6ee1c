// The projector alone, as a process to which faults happen: DATABASE_URL, EVENTSTORE_URL. Its log says when it projects
// and when it stands by. It ends with its parent.
import pino from 'pino';
import { connectEventStore } from '../../src/infrastructure/event-store.ts';
import { isStrayRejection } from '../../src/infrastructure/event-store-errors.ts';
import { createProgress } from '../../src/projections/progress.ts';
import { startProjector } from '../../src/projections/projector.ts';

const { DATABASE_URL: databaseUrl = '', EVENTSTORE_URL: url = '' } = process.env;

process.once('disconnect', () => process.exit(1));
process.on('unhandledRejection', (error) => {
  if (!isStrayRejection(error)) throw error;
});

const logger = pino({ base: null }, pino.destination({ dest: 1, sync: true }));
const eventLog = connectEventStore({ url });
const projector = startProjector({ databaseUrl, eventLog, progress: createProgress(), logger });

process.once('SIGTERM', () => {
  void projector.stop().then(async () => {
    await eventLog.close();
    process.exit(0);
  });
});
