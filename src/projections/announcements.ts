// How the position of the read model becomes known in every process: who moves the checkpoint sends it with NOTIFY in the
// same transaction, and each process that others wait in listens. What was sent while nobody listened is lost; therefore
// a listener first listens and then reads the checkpoint, and does both again after its connection was lost.
import type pg from 'pg';
import type { Logger } from 'pino';
import { type Loop, type LoopOptions, startLoop } from '../infrastructure/lifecycle.ts';
import { connect } from '../infrastructure/postgres.ts';
import { type Checkpoint, readCheckpoint } from './checkpoint.ts';
import type { Progress } from './progress.ts';

const channel = 'registry_progress';

/** Sends where the read model stands; within a transaction, when that is committed. */
export async function announce(client: pg.Client, checkpoint: Checkpoint): Promise<void> {
  await client.query({
    name: 'announce',
    text: 'SELECT pg_notify($1, $2)',
    values: [channel, announcementOf(checkpoint)],
  });
}

/** The text of an announcement: the epoch and both positions, `-` for none. */
export function announcementOf({ epoch, position }: Checkpoint): string {
  return `${epoch} ${position?.commit ?? '-'} ${position?.prepare ?? '-'}`;
}

/** What an announcement says; undefined when it is none, because anybody may send anything on a channel. */
export function parseAnnouncement(text: string | undefined): Checkpoint | undefined {
  const [, epoch, commit, prepare] = /^(\d{1,19}) (?:(\d{1,20}) (\d{1,20})|- -)$/.exec(text ?? '') ?? [];
  if (epoch === undefined) return undefined;
  if (commit === undefined || prepare === undefined) return { epoch: BigInt(epoch), position: undefined };
  const position = { commit: BigInt(commit), prepare: BigInt(prepare) };
  const isPosition = position.commit < 2n ** 64n && position.prepare < 2n ** 64n;
  return isPosition ? { epoch: BigInt(epoch), position } : undefined;
}

export interface ListenerOptions {
  readonly databaseUrl: string;
  /** Told what is heard and read. */
  readonly progress: Progress;
  readonly logger: Logger;
  readonly backoff?: LoopOptions['backoff'];
}

/** Keeps the progress of this process up to date, whichever process moves the checkpoint. */
export function startListener({ databaseUrl, progress, logger, backoff }: ListenerOptions): Loop {
  return startLoop({
    name: 'listener',
    logger,
    run: (signal, alive) => listen({ databaseUrl, progress, logger }, signal, alive),
    ...(backoff && { backoff }),
  });
}

async function listen(
  { databaseUrl, progress, logger }: ListenerOptions,
  signal: AbortSignal,
  alive: () => void,
): Promise<void> {
  await using connection = await connect({ databaseUrl, name: 'registry listener', timeoutMs: 15_000, signal });
  const { client, lost } = connection;
  // What comes before the checkpoint was read counts after it.
  const early: Checkpoint[] = [];
  let hear = (checkpoint: Checkpoint): unknown => early.push(checkpoint);
  client.on('notification', ({ payload }) => {
    const checkpoint = parseAnnouncement(payload);
    if (checkpoint) hear(checkpoint);
    else logger.warn({ channel }, 'something else than a position was announced, and is passed over');
  });
  await client.query(`LISTEN ${channel}`);
  progress.resume(await readCheckpoint(client));
  early.forEach(progress.announce);
  hear = progress.announce;
  alive();
  await aborted(AbortSignal.any([signal, lost]));
  lost.throwIfAborted();
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
