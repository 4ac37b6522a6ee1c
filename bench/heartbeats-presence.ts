// What the registry does with heartbeats, alone: <event store> <Postgres> <NATS> <threshold in milliseconds>.

import { setTimeout as delay } from 'node:timers/promises';
import pino from 'pino';
import { connectEventStore } from '../src/infrastructure/event-store.ts';
import { connectNats } from '../src/infrastructure/nats.ts';
import { startPresence } from '../src/presence/presence-process.ts';
import { obey } from './heartbeats-subject.ts';

const [eventStoreUrl = '', databaseUrl = '', natsUrl = '', threshold = ''] = process.argv.slice(2);
const logger = pino({ level: 'warn' }, pino.destination(2));
const log = connectEventStore({ url: eventStoreUrl });
const bus = connectNats({ url: natsUrl, name: 'bench presence', logger });
const presence = startPresence({ databaseUrl, log, bus, logger, timing: { threshold: Number(threshold) } });

while (presence.health().status !== 'running') await delay(20);
obey({
  async stop() {
    await presence.stop();
    await bus.close();
    await log.close();
  },
});
