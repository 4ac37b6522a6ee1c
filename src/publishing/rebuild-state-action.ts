// `npm run publishing -- rebuild-state`, for people.
import type { Action } from '../actions.ts';
import type { Context } from '../context.ts';
import { grouped, progressBar } from '../database/progress-bar.ts';
import type { EventLog } from '../events/event-log.ts';
import type { Bus } from './bus.ts';
import { rebuildState } from './rebuild-state.ts';
import { withBus } from './with-bus.ts';

export const rebuildStateAction: Action = {
  takes: '',
  servers: ['eventStore', 'nats'],
  help: `Compares the key-value bucket "gateways" with the events, and writes the differences and nothing else: keys that are
missing, extra ones, altered ones; it says how many of each there were. First it writes what the bucket is behind. It may run
beside a service, and be interrupted at any time. Ends with 1 when it could not finish.`,
  run: async ({ context, openLog }) => {
    await using log = openLog();
    await withBus(context, (bus) => rebuildWithProgress(context, log, bus));
  },
};

async function rebuildWithProgress({ logger, stopping }: Context, log: EventLog, bus: Bus): Promise<void> {
  const say = (line: string) => logger.info(line);
  const bar = progressBar({ head: await log.head(), doing: 'Reading', terminal: process.stderr, say });
  let complete = false;
  try {
    const { gateways, parked, corrected } = await rebuildState({
      log,
      bus,
      logger,
      signal: stopping,
      onProgress: bar.update,
    });
    complete = true;
    bar.end(true);
    const { missing, extra, altered } = corrected;
    const told = `${grouped(missing)} missing, ${grouped(extra)} extra, ${grouped(altered)} altered`;
    const conclusion = missing + extra + altered === 0 ? 'No difference' : `Corrected: ${told}`;
    logger.info(`${conclusion}. The bucket shows ${grouped(gateways - parked)} active gateways`);
    if (parked > 0) logger.warn(`${grouped(parked)} cannot be shown: npm run publishing -- parked`);
  } catch (error) {
    if (!stopping.aborted) throw error;
    throw new Error('Interrupted. What it has written is right; for the rest: npm run publishing -- rebuild-state', {
      cause: error,
    });
  } finally {
    if (!complete) bar.end(false);
  }
}
