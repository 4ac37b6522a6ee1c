// The tables of the read model, as the live catalogue defines them, in a second schema. Definitions are read where the live
// schema is the search path, so that they name no schema, and are run where the other one is.
import pg from 'pg';
import { projections } from './fold.ts';

/** A part of the definition of a table, by name, with the statement that makes it. */
export interface Part {
  readonly table: string;
  readonly kind: 'key' | 'index' | 'foreign key' | 'trigger';
  readonly name: string;
  readonly statement: string;
}

/** Where the tables are that queries read. */
export const liveSchema = 'public';

// Those that events are folded into, and what the projector keeps beside them. What else there is belongs to others.
const isOurs = (relation = 'pg_class') =>
  `(${relation}.relkind = 'r' AND (${relation}.relname LIKE 'projection\\_%' OR ${relation}.relname IN (${projections
    .map(({ table }) => pg.escapeLiteral(table))
    .join(', ')})))`;

/** The tables of the read model in a schema, by name. */
export async function tablesIn(client: pg.Client, schema: string): Promise<readonly string[]> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT relname AS name FROM pg_class
     WHERE relnamespace = to_regnamespace($1) AND ${isOurs()} ORDER BY relname`,
    [pg.escapeIdentifier(schema)],
  );
  return rows.map(({ name }) => name);
}

export async function schemaExists(client: pg.Client, schema: string): Promise<boolean> {
  const { rowCount } = await client.query('SELECT FROM pg_namespace WHERE nspname = $1', [schema]);
  return rowCount !== 0;
}

export async function dropSchema(client: pg.Client, schema: string): Promise<void> {
  await client.query(`DROP SCHEMA IF EXISTS ${pg.escapeIdentifier(schema)} CASCADE`);
}

/** Makes what is named without a schema mean this one's; functions and types stay where they are. */
export async function enterSchema(client: pg.Client, schema: string): Promise<void> {
  await client.query(`SET search_path = ${pg.escapeIdentifier(schema)}, ${liveSchema}`);
}

/**
 * Makes the schema with empty copies of the live tables: columns, defaults, checks, options and grants, with the keys that
 * a row is found by. The rest of what makes them up is returned, for when they are full.
 */
export async function draftTables(client: pg.Client, schema: string): Promise<readonly Part[]> {
  const tables = await tablesIn(client, liveSchema);
  const parts = await partsOf(client, liveSchema);
  const target = pg.escapeIdentifier(schema);
  await client.query(`CREATE SCHEMA ${target}`);
  for (const name of tables) {
    const table = pg.escapeIdentifier(name);
    const includes = ['DEFAULTS', 'CONSTRAINTS', 'GENERATED', 'IDENTITY', 'STORAGE', 'COMMENTS'];
    const including = includes.map((what) => `INCLUDING ${what}`).join(' ');
    await client.query(`CREATE TABLE ${target}.${table} (LIKE ${liveSchema}.${table} ${including})`);
  }
  await inSchema(client, schema, async () => {
    for (const { kind, statement } of parts) if (kind === 'key') await client.query(statement);
    for (const statement of await grantsAndOptions(client)) await client.query(statement);
  });
  return parts.filter(({ kind }) => kind !== 'key');
}

/**
 * What makes up the tables of a schema, each part as text: two schemas that say the same here are interchangeable.
 */
export async function definitionOf(client: pg.Client, schema: string): Promise<readonly string[]> {
  const { rows } = await client.query<{ definition: string }>(
    `SELECT format('%s.%s %s %s %s', relname, attname, format_type(atttypid, atttypmod),
       CASE WHEN attnotnull THEN 'NOT NULL' END, pg_get_expr(adbin, adrelid)) AS definition
     FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
       LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
     WHERE relnamespace = to_regnamespace($1) AND ${isOurs()}
       AND attnum > 0 AND NOT attisdropped
     UNION ALL
     SELECT format('%s %s %s', relname, conname, pg_get_constraintdef(pg_constraint.oid, true))
     FROM pg_constraint JOIN pg_class ON pg_class.oid = conrelid
     WHERE relnamespace = to_regnamespace($1) AND contype = 'c' AND ${isOurs()}`,
    [pg.escapeIdentifier(schema)],
  );
  const parts = await partsOf(client, schema);
  return [...rows.map(({ definition }) => definition), ...parts.map(({ statement }) => statement)].toSorted();
}

/** Keys, indexes, foreign keys and triggers, in the order in which they can be made. */
async function partsOf(client: pg.Client, schema: string): Promise<readonly Part[]> {
  return inSchema(client, schema, async () => {
    const { rows } = await client.query<Part>(
      `SELECT relname AS table, CASE contype WHEN 'f' THEN 'foreign key' ELSE 'key' END AS kind, conname AS name,
         format('ALTER TABLE %I ADD CONSTRAINT %I %s', relname, conname, pg_get_constraintdef(pg_constraint.oid, true))
           AS statement
       FROM pg_constraint JOIN pg_class ON pg_class.oid = conrelid
       WHERE relnamespace = to_regnamespace($1) AND contype IN ('p', 'u', 'x', 'f') AND ${isOurs()}
       UNION ALL
       SELECT owner.relname, 'index', index.relname, pg_get_indexdef(index.oid, 0, true)
       FROM pg_index JOIN pg_class AS index ON index.oid = indexrelid JOIN pg_class AS owner ON owner.oid = indrelid
       WHERE owner.relnamespace = to_regnamespace($1) AND ${isOurs('owner')}
         AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid AND contype IN ('p', 'u', 'x'))
       UNION ALL
       SELECT relname, 'trigger', tgname, pg_get_triggerdef(pg_trigger.oid, true)
       FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
       WHERE relnamespace = to_regnamespace($1) AND NOT tgisinternal AND ${isOurs()}
       ORDER BY 1, 3`,
      [pg.escapeIdentifier(schema)],
    );
    const order: readonly Part['kind'][] = ['key', 'index', 'foreign key', 'trigger'];
    return rows.toSorted((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind));
  });
}

async function grantsAndOptions(client: pg.Client): Promise<readonly string[]> {
  const { rows } = await client.query<{ statement: string }>(
    `SELECT format('GRANT %s ON %I TO %s%s', privilege_type, relname,
       CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END,
       CASE WHEN is_grantable THEN ' WITH GRANT OPTION' END) AS statement
     FROM pg_class, aclexplode(relacl) WHERE relnamespace = '${liveSchema}'::regnamespace AND ${isOurs()}
       AND grantee <> relowner
     UNION ALL
     SELECT format('ALTER TABLE %I SET (%s)', relname, array_to_string(reloptions, ', '))
     FROM pg_class WHERE relnamespace = '${liveSchema}'::regnamespace AND ${isOurs()}
       AND reloptions IS NOT NULL`,
  );
  return rows.map(({ statement }) => statement);
}

/** What reads the live tables by their identity rather than their name, and would go on with those that are replaced. */
export async function dependentsOf(client: pg.Client): Promise<readonly string[]> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT DISTINCT ev_class::regclass::text AS name
     FROM pg_depend JOIN pg_rewrite ON pg_rewrite.oid = objid JOIN pg_class ON pg_class.oid = refobjid
     WHERE classid = 'pg_rewrite'::regclass AND relnamespace = '${liveSchema}'::regnamespace AND ${isOurs()}
     UNION
     SELECT conrelid::regclass::text FROM pg_constraint JOIN pg_class ON pg_class.oid = confrelid
     WHERE relnamespace = '${liveSchema}'::regnamespace AND ${isOurs()}
       AND conrelid NOT IN (
         SELECT oid FROM pg_class WHERE relnamespace = '${liveSchema}'::regnamespace AND ${isOurs()}
       )
     ORDER BY 1`,
  );
  return rows.map(({ name }) => name);
}

/** Runs with a search path, and leaves the one that was there. */
async function inSchema<T>(client: pg.Client, schema: string, use: () => Promise<T>): Promise<T> {
  const { rows } = await client.query<{ path: string }>(`SELECT current_setting('search_path') AS path`);
  await enterSchema(client, schema);
  try {
    return await use();
  } finally {
    await client.query(`SELECT set_config('search_path', $1, false)`, [rows[0]?.path]).catch(() => undefined);
  }
}
