import type { Context } from '../context.ts';
import { meter, progressBar } from '../database/progress-bar.ts';
import type { EventLog } from '../events/event-log.ts';
import type { Encryption } from '../infrastructure/encryption.ts';
import { type Survey, survey } from './survey.ts';

/** A survey that shows how far it is. */
export async function surveyWithProgress(
  { logger, stopping }: Context,
  log: EventLog,
  encryption: Encryption,
): Promise<Survey> {
  const bar = progressBar({
    doing: 'Reading',
    head: await log.head(),
    terminal: process.stderr,
    say: (line) => logger.info(line),
  });
  let complete = false;
  try {
    const found = await survey({ log, encryption, signal: stopping, onProgress: bar.update });
    complete = true;
    return found;
  } catch (error) {
    if (stopping.aborted) throw new Error('Interrupted while the passwords were read. Run it again.', { cause: error });
    throw error;
  } finally {
    bar.end(complete);
  }
}

/** Shows how many of so many passwords have been dealt with. */
export async function withProgress<T>(
  { logger }: Context,
  total: number,
  run: (onProgress: (dealtWith: number) => void) => Promise<T>,
): Promise<T> {
  const bar = meter({
    doing: 'Encrypting',
    what: 'passwords',
    terminal: process.stderr,
    say: (line) => logger.info(line),
  });
  try {
    return await run((dealtWith) => bar.update(dealtWith / total, dealtWith));
  } finally {
    bar.end();
  }
}
