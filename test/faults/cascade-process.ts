// The cascade alone, as a process to which faults happen: DATABASE_URL, EVENTSTORE_URL. Its log says when it reacts and
// when it stands by. It ends with its parent.
import pino from 'pino';
import { connectEventStore } from '../../src/infrastructure/event-store.ts';
import { isStrayRejection } from '../../src/infrastructure/event-store-errors.ts';
import { createPool } from '../../src/infrastructure/postgres.ts';
import { startCascade } from '../../src/processes/cascade-process.ts';
import { startListener } from '../../src/projections/announcements.ts';
import { createProgress } from '../../src/projections/progress.ts';
import { randomNumbers } from './random.ts';
import { slow } from './slow.ts';

const { DATABASE_URL: databaseUrl = '', EVENTSTORE_URL: url = '' } = process.env;
const unasked = () => Promise.reject(new Error('the cascade never asks'));

process.once('disconnect', () => process.exit(1));
process.on('unhandledRejection', (error) => {
  if (!isStrayRejection(error)) throw error;
});

const logger = pino({ base: null }, pino.destination({ dest: 1, sync: true }));
const log = connectEventStore({ url });
const progress = createProgress();
startListener({ databaseUrl, progress, logger });
startCascade({
  databaseUrl,
  log,
  pool: createPool({ databaseUrl, logger }),
  readModelReaches: progress.reached,
  commands: {
    // So that it is often in the middle of something.
    log: slow(log, randomNumbers(process.pid), 30),
    sealPassword: () => {
      throw new Error('the cascade sets no password');
    },
    hasActiveChildren: unasked,
    now: () => new Date(),
    // Short, so that a device id whose taker was killed is free soon.
    reservationGrace: 300,
  },
  logger,
});
