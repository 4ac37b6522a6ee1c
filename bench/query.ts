import { connect } from '../src/infrastructure/postgres.ts';

/** The rows that a statement answers with, on a connection that is closed behind it. */
export async function query<Row>(databaseUrl: string, text: string, values: unknown[] = []): Promise<readonly Row[]> {
  await using connection = await connect({ databaseUrl, name: 'bench' });
  const { rows } = await connection.client.query(text, values);
  return rows;
}
