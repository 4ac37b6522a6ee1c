// The mirror alone, as a process to which faults happen: EVENTSTORE_URL, NATS_URL. It ends with its parent, and where there is
// DIES_IN_MOVE_OF, between the halves of a move of that gateway.
import pino from 'pino';
import { connectEventStore } from '../../src/infrastructure/event-store.ts';
import { isStrayRejection } from '../../src/infrastructure/event-store-errors.ts';
import { connectNats } from '../../src/infrastructure/nats.ts';
import { startMirror } from '../../src/publishing/mirror.ts';
import { dyingInMoveOf } from './half-moves.ts';

const { EVENTSTORE_URL: eventStoreUrl = '', NATS_URL: natsUrl = '', DIES_IN_MOVE_OF: moved } = process.env;

process.once('disconnect', () => process.exit(1));
process.on('unhandledRejection', (error) => {
  if (!isStrayRejection(error)) throw error;
});

const logger = pino({ base: null, level: 'debug' }, pino.destination({ dest: 1, sync: true }));
const log = connectEventStore({ url: eventStoreUrl });
const bus = connectNats({ url: natsUrl, name: 'mirror', logger });
// A NATS that is frozen is noticed sooner than in earnest; little is remembered, so that streams are read often; and little may
// be under way, so that it mostly waits for room, and often between the halves of a move.
const timing = { patience: 1_000, window: 15 };
const way = moved === undefined ? bus : dyingInMoveOf(moved, bus);
const mirror = startMirror({ log, bus: way, logger, timing, memoryBytes: 40_000 });

process.once('SIGTERM', () => {
  void mirror.stop().then(async () => {
    await bus.close();
    await log.close();
    process.exit(0);
  });
});
