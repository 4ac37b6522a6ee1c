// The publisher alone, as a process to which faults happen: EVENTSTORE_URL, NATS_URL. It ends with its parent.
import pino from 'pino';
import { connectEventStore } from '../../src/infrastructure/event-store.ts';
import { isStrayRejection } from '../../src/infrastructure/event-store-errors.ts';
import { connectNats } from '../../src/infrastructure/nats.ts';
import { startPublisher } from '../../src/publishing/publisher.ts';

const { EVENTSTORE_URL: eventStoreUrl = '', NATS_URL: natsUrl = '' } = process.env;

process.once('disconnect', () => process.exit(1));
process.on('unhandledRejection', (error) => {
  if (!isStrayRejection(error)) throw error;
});

const logger = pino({ base: null, level: 'debug' }, pino.destination({ dest: 1, sync: true }));
const log = connectEventStore({ url: eventStoreUrl });
const bus = connectNats({ url: natsUrl, name: 'publisher', logger });
// A NATS that is frozen is noticed sooner than in earnest, so that more of them fit into a test.
const publisher = startPublisher({ log, bus, logger, timing: { patience: 1_000 } });

process.once('SIGTERM', () => {
  void publisher.stop().then(async () => {
    await bus.close();
    await log.close();
    process.exit(0);
  });
});
