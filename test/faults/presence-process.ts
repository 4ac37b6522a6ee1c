// The presence process alone, as a process to which faults happen: DATABASE_URL, EVENTSTORE_URL, NATS_URL. It ends with its
// parent.
import pino from 'pino';
import { connectEventStore } from '../../src/infrastructure/event-store.ts';
import { isStrayRejection } from '../../src/infrastructure/event-store-errors.ts';
import { connectNats } from '../../src/infrastructure/nats.ts';
import { startPresence } from '../../src/presence/presence-process.ts';
import { presenceTiming } from './presence-timing.ts';

const { DATABASE_URL: databaseUrl = '', EVENTSTORE_URL: eventStoreUrl = '', NATS_URL: natsUrl = '' } = process.env;

process.once('disconnect', () => process.exit(1));
process.on('unhandledRejection', (error) => {
  if (!isStrayRejection(error)) throw error;
});

const logger = pino({ base: null }, pino.destination({ dest: 1, sync: true }));
const log = connectEventStore({ url: eventStoreUrl });
const bus = connectNats({ url: natsUrl, name: 'presence', logger });
const presence = startPresence({ databaseUrl, log, bus, logger, timing: presenceTiming });

process.once('SIGTERM', () => {
  void presence.stop().then(async () => {
    await bus.close();
    await log.close();
    process.exit(0);
  });
});
