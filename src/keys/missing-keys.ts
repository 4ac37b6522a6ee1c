import type { Logger } from 'pino';
import { grouped } from '../database/progress-bar.ts';
import type { KeyRing } from '../infrastructure/key-ring.ts';
import { isUnavailable, type Pool } from '../infrastructure/postgres.ts';
import { countPasswordsUnderOtherKeys } from '../queries/password-keys.ts';

export interface MissingKeysOptions {
  readonly pool: Pool;
  readonly ring: KeyRing;
  readonly logger: Logger;
}

/**
 * Warns of the keys that passwords are under and the ring lacks, as the tables know it. Returns at once: nobody has to wait for
 * it, and a service whose tables cannot be read has other worries.
 */
export function warnOfMissingKeys({ pool, ring, logger }: MissingKeysOptions): void {
  const ids = ring.map(({ id }) => id);
  countPasswordsUnderOtherKeys(pool, ids).then(
    (missing) => {
      for (const { key, passwords } of missing) {
        logger.warn(
          { key, passwords },
          `Key ${key} is not here (${ids.join(', ')}), and passwords of gateways are under it: ${grouped(passwords)}. They cannot ` +
            'be opened. Add it to ENCRYPTION_KEYS',
        );
      }
    },
    (error: unknown) => {
      const level = isUnavailable(error) ? 'debug' : 'error';
      logger[level]({ err: error }, 'which keys the passwords need could not be looked up');
    },
  );
}
