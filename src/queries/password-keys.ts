import { z } from 'zod';
import { type Pool, sql } from '../infrastructure/postgres.ts';

const KeyRow = z.object({ key: z.string(), passwords: z.int() });

/**
 * Under which keys the passwords of gateways are, deleted ones included, leaving out those keys that are named. It looks at
 * every gateway.
 *
 * @throws what `isUnavailable` tells apart
 */
export async function countPasswordsUnderOtherKeys(
  pool: Pool,
  keys: readonly string[],
): Promise<readonly z.output<typeof KeyRow>[]> {
  return pool.any(sql.prepared('count-passwords-under-other-keys', KeyRow)`
    SELECT split_part(password_encrypted, '.', 2) AS key, count(*)::int AS passwords FROM gateways
    WHERE split_part(password_encrypted, '.', 2) <> ALL (${sql.array([...keys], 'text')})
    GROUP BY key ORDER BY key`);
}
