// Under which keys the passwords of gateways are, deleted ones included, as the tables know it.
import { z } from 'zod';
import { GatewayId } from '../events/ids.ts';
import { type Pool, sql } from '../infrastructure/postgres.ts';

const KeyRow = z.object({ key: z.string(), passwords: z.int() });

/**
 * How many passwords are under each key. It looks at every gateway.
 *
 * @throws what `isUnavailable` tells apart
 */
export async function countPasswordsByKey(pool: Pool): Promise<readonly z.output<typeof KeyRow>[]> {
  return pool.any(sql.prepared('count-passwords-by-key', KeyRow)`
    SELECT split_part(password_encrypted, '.', 2) AS key, count(*)::int AS passwords FROM gateways
    GROUP BY key ORDER BY key`);
}

const PasswordRow = z.object({ id: GatewayId, password_encrypted: z.string() });

/**
 * Passwords that are under a key, encrypted, with the gateways they are of: any of them, and at most so many.
 *
 * @throws what `isUnavailable` tells apart
 */
export async function somePasswordsUnder(
  pool: Pool,
  key: string,
  most: number,
): Promise<readonly z.output<typeof PasswordRow>[]> {
  return pool.any(sql.prepared('some-passwords-under', PasswordRow)`
    SELECT id, password_encrypted FROM gateways
    WHERE split_part(password_encrypted, '.', 2) = ${key} LIMIT ${most}`);
}
