// What others hear of a given log: the publisher and the mirror, on a NATS of a test.
import { pino } from 'pino';
import { connectNats } from '../../src/infrastructure/nats.ts';
import { startMirror } from '../../src/publishing/mirror.ts';
import { startPublisher } from '../../src/publishing/publisher.ts';
import type { GivenLog } from './given-log.ts';

const logger = pino({ level: 'silent' });
const timing = { patience: 500, quiet: 50, backoff: { first: 20, longest: 200 } };

/** Publishes what is in the log, and what is added to it, until the scope ends. */
export function publishing(url: string, log: GivenLog): AsyncDisposable {
  const bus = connectNats({ url, name: 'publishing-test', logger });
  const parts = [startPublisher({ log, bus, logger, timing }), startMirror({ log, bus, logger, timing })];
  return {
    async [Symbol.asyncDispose]() {
      await Promise.all(parts.map((part) => part.stop()));
      await bus.close();
    },
  };
}
