import type { Context } from '../context.ts';
import { connectNats } from '../infrastructure/nats.ts';
import type { Bus } from './bus.ts';

/** Gives an action a connection to NATS of its own, and closes it at the end. */
export async function withBus({ urls, logger }: Context, use: (bus: Bus) => Promise<void>): Promise<void> {
  const bus = connectNats({ url: urls.nats, name: 'gateway-registry publishing', logger });
  try {
    await use(bus);
  } finally {
    await bus.close();
  }
}
