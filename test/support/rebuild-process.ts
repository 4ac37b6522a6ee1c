// A rebuild as a process, to be killed: it tells its parent when it begins, and ends with it.
import pino from 'pino';
import { connectEventStore } from '../../src/infrastructure/event-store.ts';
import { rebuild } from '../../src/projections/rebuild.ts';

const [eventStoreUrl = '', databaseUrl = ''] = process.argv.slice(2);
process.on('disconnect', () => process.exit(1));
process.send?.('begun');
for (;;) {
  await rebuild({
    databaseUrl,
    eventLog: connectEventStore({ url: eventStoreUrl }),
    logger: pino({ level: 'silent' }),
    signal: new AbortController().signal,
    onProgress: () => undefined,
  });
}
