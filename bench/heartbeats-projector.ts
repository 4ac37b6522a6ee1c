// The projector of the service, alone: <event store> <Postgres>.

import pino from 'pino';
import { connectEventStore } from '../src/infrastructure/event-store.ts';
import { createProgress } from '../src/projections/progress.ts';
import { startProjector } from '../src/projections/projector.ts';
import { obey } from './heartbeats-subject.ts';

const [eventStoreUrl = '', databaseUrl = ''] = process.argv.slice(2);
const logger = pino({ level: 'warn' }, pino.destination(2));
const eventLog = connectEventStore({ url: eventStoreUrl });
const projector = startProjector({ databaseUrl, eventLog, progress: createProgress(), logger });

obey({
  async stop() {
    await projector.stop();
    await eventLog.close();
  },
});
