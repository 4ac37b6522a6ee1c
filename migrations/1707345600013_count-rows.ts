import type { MigrationBuilder } from 'node-pg-migrate';

/** The tables that are counted, and what their rows belong to. */
const parentsOf = { organizations: [], factories: ['organization_id'], gateways: ['organization_id', 'factory_id'] };

/**
 * How many rows there are, live and deleted, in all and of each parent: what a list tells as its total without counting a
 * table for each request. Triggers keep it in the transaction that changes the rows, whoever does that. What belongs to no
 * parent stands under the id of zeros; what has no rows does not stand here.
 *
 * A statement's rows are counted at once. One that moves nothing, such as one that notes when a gateway was seen, touches
 * no total, and totals are always changed in the same order, so that writers wait for each other rather than deadlock.
 * Every schema with these tables has totals of its own: a trigger writes into the schema of its table, with the right of
 * whoever owns the functions, because who may change rows need not be able to write totals.
 */
export function up(pgm: MigrationBuilder): void {
  pgm.sql(`
    CREATE TABLE projection_totals (
      list text NOT NULL,
      parent uuid NOT NULL,
      live bigint NOT NULL,
      deleted bigint NOT NULL,
      CONSTRAINT projection_totals_pkey PRIMARY KEY (list, parent)
    ) WITH (fillfactor = 50);

    CREATE FUNCTION add_to_projection_totals(schema name, lists text[], parents uuid[], live bigint[], deleted bigint[])
    RETURNS void LANGUAGE plpgsql AS $$
    BEGIN
      EXECUTE format('
        INSERT INTO %I.projection_totals AS known SELECT * FROM unnest($1, $2, $3, $4)
        ON CONFLICT (list, parent) DO UPDATE
        SET live = known.live + excluded.live, deleted = known.deleted + excluded.deleted', schema)
      USING lists, parents, live, deleted;
      IF EXISTS (SELECT FROM unnest(live, deleted) AS change (live, deleted) WHERE change.live + change.deleted < 0) THEN
        EXECUTE format('
          DELETE FROM %I.projection_totals AS known USING unnest($1, $2) AS changed (list, parent)
          WHERE known.list = changed.list AND known.parent = changed.parent AND known.live = 0 AND known.deleted = 0',
          schema)
        USING lists, parents;
      END IF;
    END
    $$;

    CREATE FUNCTION clear_projection_totals() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    BEGIN
      EXECUTE format('DELETE FROM %I.projection_totals WHERE split_part(list, ''.'', 1) = $1', TG_TABLE_SCHEMA)
      USING TG_TABLE_NAME;
      RETURN NULL;
    END
    $$;

    ${Object.entries(parentsOf).map(countingOf).join('')}

    CREATE FUNCTION count_projection_totals(schema name) RETURNS void LANGUAGE plpgsql AS $$
    BEGIN
      EXECUTE format('DELETE FROM %I.projection_totals', schema);
      ${Object.entries(parentsOf).map(recountOf).join('')}
    END
    $$;

    SELECT count_projection_totals('public');
  `);
}

function countingOf([table, parents]: [string, readonly string[]]): string {
  const count = (changes: string) => `
        SELECT array_agg(list), array_agg(parent), array_agg(live), array_agg(deleted)
        INTO lists, parents, lives, deleteds
        FROM (
          ${sumsOf(table, parents, `(${changes}) AS changes`)}
          HAVING sum(number) FILTER (WHERE deleted_at IS NULL) <> 0 OR sum(number) FILTER (WHERE deleted_at IS NOT NULL) <> 0
          ORDER BY list, parent
        ) AS sums;`;
  const inserted = 'SELECT 1 AS number, * FROM after';
  const removed = 'SELECT -1 AS number, * FROM before';
  return `
    CREATE FUNCTION count_${table}() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    DECLARE
      lists text[];
      parents uuid[];
      lives bigint[];
      deleteds bigint[];
    BEGIN
      IF TG_OP = 'INSERT' THEN ${count(inserted)}
      ELSIF TG_OP = 'DELETE' THEN ${count(removed)}
      ELSE ${count(`${inserted} UNION ALL ${removed}`)}
      END IF;
      IF lists IS NOT NULL THEN
        PERFORM public.add_to_projection_totals(TG_TABLE_SCHEMA, lists, parents, lives, deleteds);
      END IF;
      RETURN NULL;
    END
    $$;

    CREATE TRIGGER count_inserted_${table} AFTER INSERT ON ${table} REFERENCING NEW TABLE AS after
      FOR EACH STATEMENT EXECUTE FUNCTION count_${table}();
    CREATE TRIGGER count_updated_${table} AFTER UPDATE ON ${table} REFERENCING OLD TABLE AS before NEW TABLE AS after
      FOR EACH STATEMENT EXECUTE FUNCTION count_${table}();
    CREATE TRIGGER count_deleted_${table} AFTER DELETE ON ${table} REFERENCING OLD TABLE AS before
      FOR EACH STATEMENT EXECUTE FUNCTION count_${table}();
    CREATE TRIGGER count_truncated_${table} AFTER TRUNCATE ON ${table}
      FOR EACH STATEMENT EXECUTE FUNCTION clear_projection_totals();`;
}

function recountOf([table, parents]: [string, readonly string[]]): string {
  const sums = sumsOf(table, parents, `(SELECT 1 AS number, * FROM %1$I.${table}) AS counted`);
  return `
      EXECUTE format($sql$
        INSERT INTO %1$I.projection_totals
        ${sums} HAVING count(*) > 0
      $sql$, schema);`;
}

/** The rows of `from`, whose `number` each counts for, in all and by each parent. */
function sumsOf(table: string, parents: readonly string[], from: string): string {
  const zeros = `'00000000-0000-0000-0000-000000000000'`;
  const lists = [
    ...parents.map((parent) => `WHEN GROUPING(${parent}) = 0 THEN '${table}.${parent}'`),
    `WHEN true THEN '${table}'`,
  ];
  return `
          SELECT CASE ${lists.join(' ')} END AS list, coalesce(${[...parents, zeros].join(', ')})::uuid AS parent,
            coalesce(sum(number) FILTER (WHERE deleted_at IS NULL), 0)::bigint AS live,
            coalesce(sum(number) FILTER (WHERE deleted_at IS NOT NULL), 0)::bigint AS deleted
          FROM ${from}
          GROUP BY GROUPING SETS (${['()', ...parents.map((parent) => `(${parent})`)].join(', ')})`;
}
