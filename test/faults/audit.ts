// What the projector writes, noted by the database itself: triggers that write down every row and every move of the
// checkpoint, with their transaction.
import type pg from 'pg';
import type { Position } from '../../src/events/event-log.ts';
import { withClient } from '../support/database.ts';

/** A row that was written, or removed. */
export interface Write {
  readonly transaction: string;
  readonly table: string;
  readonly operation: 'INSERT' | 'UPDATE' | 'DELETE';
  readonly id: string;
  /** Its stream_revision before; undefined when it is new. */
  readonly before: bigint | undefined;
  readonly revision: bigint | undefined;
}

/** The checkpoint as a transaction found it, and as it left it. */
export interface Move {
  readonly transaction: string;
  readonly before: Standing;
  readonly after: Standing;
}

export interface Standing {
  readonly epoch: bigint;
  readonly position: Position | undefined;
}

export interface Audit {
  readonly writes: readonly Write[];
  readonly moves: readonly Move[];
}

/** Lets a database without rows note from now on what is written. */
export async function installAudit(databaseUrl: string): Promise<void> {
  await withClient(databaseUrl, (client) =>
    client.query(`
      CREATE TABLE audit_writes (
        place bigint GENERATED ALWAYS AS IDENTITY,
        transaction text NOT NULL DEFAULT pg_current_xact_id()::text,
        table_name text NOT NULL, operation text NOT NULL, id uuid NOT NULL, before bigint, revision bigint
      );
      CREATE TABLE audit_moves (
        place bigint GENERATED ALWAYS AS IDENTITY,
        transaction text NOT NULL DEFAULT pg_current_xact_id()::text,
        before_epoch bigint NOT NULL, before_commit numeric, before_prepare numeric,
        after_epoch bigint NOT NULL, after_commit numeric, after_prepare numeric
      );
      CREATE FUNCTION audit_write() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        INSERT INTO audit_writes (table_name, operation, id, before, revision)
        VALUES (TG_TABLE_NAME, TG_OP, coalesce(NEW.id, OLD.id), OLD.stream_revision, NEW.stream_revision);
        RETURN NULL;
      END $$;
      CREATE FUNCTION audit_move() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        INSERT INTO audit_moves
          (before_epoch, before_commit, before_prepare, after_epoch, after_commit, after_prepare)
        VALUES
          (OLD.epoch, OLD.commit_position, OLD.prepare_position, NEW.epoch, NEW.commit_position, NEW.prepare_position);
        RETURN NULL;
      END $$;
      CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON organizations FOR EACH ROW EXECUTE FUNCTION audit_write();
      CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON factories FOR EACH ROW EXECUTE FUNCTION audit_write();
      CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON gateways FOR EACH ROW EXECUTE FUNCTION audit_write();
      CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON gateway_presence FOR EACH ROW EXECUTE FUNCTION audit_write();
      CREATE TRIGGER audit AFTER UPDATE ON projection_checkpoint FOR EACH ROW EXECUTE FUNCTION audit_move()`),
  );
}

interface WriteRow {
  readonly transaction: string;
  readonly table_name: string;
  readonly operation: Write['operation'];
  readonly id: string;
  readonly before: string | null;
  readonly revision: string | null;
}

type MoveRow = Readonly<
  Record<'transaction' | 'before_epoch' | 'after_epoch', string> &
    Record<'before_commit' | 'before_prepare' | 'after_commit' | 'after_prepare', string | null>
>;

/** What was noted, in the order in which it was done. */
export async function readAudit(client: pg.Client): Promise<Audit> {
  const writes = await client.query<WriteRow>('SELECT * FROM audit_writes ORDER BY place');
  const moves = await client.query<MoveRow>('SELECT * FROM audit_moves ORDER BY place');
  return {
    writes: writes.rows.map(({ table_name, before, revision, ...row }) => ({
      ...row,
      table: table_name,
      before: before === null ? undefined : BigInt(before),
      revision: revision === null ? undefined : BigInt(revision),
    })),
    moves: moves.rows.map((row) => ({
      transaction: row.transaction,
      before: standing(row.before_epoch, row.before_commit, row.before_prepare),
      after: standing(row.after_epoch, row.after_commit, row.after_prepare),
    })),
  };
}

function standing(epoch: string, commit: string | null, prepare: string | null): Standing {
  const position =
    commit === null || prepare === null ? undefined : { commit: BigInt(commit), prepare: BigInt(prepare) };
  return { epoch: BigInt(epoch), position };
}
