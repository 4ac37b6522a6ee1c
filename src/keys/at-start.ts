// What the service looks at when it starts: whether its keys open the passwords that the tables have. It looks at the tables
// because they tell in a moment what the log tells after it has been read whole.
import type { Logger } from 'pino';
import { grouped } from '../database/progress-bar.ts';
import { createEncryption } from '../infrastructure/encryption.ts';
import { isNamedAfterItself, type KeyRing } from '../infrastructure/key-ring.ts';
import { isUnavailable, type Pool } from '../infrastructure/postgres.ts';
import { countPasswordsByKey, somePasswordsUnder } from '../queries/password-keys.ts';
import { isOpenedBy } from './survey.ts';

export interface LookOptions {
  readonly pool: Pool;
  readonly ring: KeyRing;
  readonly logger: Logger;
}

/** So many passwords of each key are opened: enough to tell a wrong key from passwords that somebody has altered. */
const mostOpened = 1_000;

/**
 * Refuses a first key that opens none of the passwords under its id: what it sealed could not be told from them any more.
 * A key whose id is made of itself is never that. Where the tables cannot be read, that is logged and nothing refused: names
 * and addresses need no key.
 *
 * @throws Error with a message for people
 */
export async function refuseWrongKey(options: LookOptions): Promise<void> {
  const [first] = options.ring;
  const { id } = first;
  const { tried, closed } = await tryKey(options, id).catch((err: unknown) => {
    options.logger.error(
      { err, key: id },
      `Whether key ${id} opens the passwords under its id could not be looked up; the service starts all the same. If the key is ` +
        'new here: npm run keys -- status asks the event store instead',
    );
    return { tried: 0, closed: 0 };
  });
  if (tried === 0 || closed < tried || isNamedAfterItself(first)) return;
  throw new Error(
    `Key ${id} opens none of the passwords that are under its id (${grouped(tried)} tried): another key has had this id. What ` +
      'this one encrypted could not be told from them, so the service does not start. Put the other key in its place in ' +
      'ENCRYPTION_KEYS. A new key needs a new id: npm run keys -- generate makes one, and it goes in front.',
  );
}

/**
 * Tells of keys that passwords are under and the ring lacks, and of those in the ring that do not open what is under their id.
 * Nobody has to wait for it; it never rejects, as a service whose tables cannot be read has other worries.
 */
export async function tellOfClosedPasswords(options: LookOptions): Promise<void> {
  try {
    await lookAtKeys(options);
  } catch (err) {
    const level = isUnavailable(err) ? 'debug' : 'error';
    options.logger[level]({ err }, 'which keys the passwords need could not be looked up');
  }
}

async function lookAtKeys(options: LookOptions): Promise<void> {
  const { pool, ring, logger } = options;
  const ids = ring.map(({ id }) => id);
  for (const { key, passwords } of await countPasswordsByKey(pool)) {
    if (!ids.includes(key)) {
      logger.warn(
        { key, passwords },
        `Key ${key} is not here (${ids.join(', ')}), and passwords of gateways are under it: ${grouped(passwords)}. They cannot ` +
          'be opened. Add it to ENCRYPTION_KEYS',
      );
      continue;
    }
    const { tried, closed } = await tryKey(options, key);
    if (closed === 0) continue;
    logger.error(
      { key, passwords, tried, closed },
      `Key ${key} does not open ${grouped(closed)} of ${grouped(tried)} passwords under its id that were tried: they were altered, ` +
        'or another key has had this id. Which they are, and what to do, says: npm run keys -- status',
    );
  }
}

/** @throws what `isUnavailable` tells apart */
async function tryKey({ pool, ring }: LookOptions, key: string) {
  const encryption = createEncryption(ring);
  const passwords = await somePasswordsUnder(pool, key, mostOpened);
  const closed = passwords.filter(({ id, password_encrypted }) => !isOpenedBy(encryption, password_encrypted, id));
  return { tried: passwords.length, closed: closed.length };
}
