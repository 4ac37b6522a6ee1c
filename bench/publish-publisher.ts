// The publisher of the service, alone: <event store> <NATS>.

import pino from 'pino';
import { connectEventStore } from '../src/infrastructure/event-store.ts';
import { connectNats } from '../src/infrastructure/nats.ts';
import { type Publisher, startPublisher } from '../src/publishing/publisher.ts';
import { obey } from './publish-subject.ts';

const [eventStoreUrl = '', natsUrl = ''] = process.argv.slice(2);
const logger = pino({ level: 'warn' }, pino.destination(2));
const log = connectEventStore({ url: eventStoreUrl });
const bus = connectNats({ url: natsUrl, name: 'bench publisher', logger });
let publisher: Publisher | undefined;

await bus.connected(10_000, new AbortController().signal);
obey(
  () => {
    publisher = startPublisher({ log, bus, logger });
  },
  async () => publisher?.stop(),
);
