// The same without events, as a process of its own: a service of Fastify and pg, as small as it can be, that inserts and
// updates the rows of gateways.

import type { AddressInfo } from 'node:net';
import Fastify from 'fastify';
import pg from 'pg';
import { uuidv7 } from '../src/events/new-id.ts';

interface Created {
  readonly factory_id: string;
  readonly gateway_id: string;
  readonly name: string;
  readonly url: string;
  readonly email: string;
  readonly password: string;
  readonly model: string;
  readonly firmware_version: string;
  readonly metadata: object;
}

const shown = `id, factory_id, organization_id, gateway_id, name, url, email, model, firmware_version, metadata, last_seen_at,
  created_at, updated_at`;

const [databaseUrl = ''] = process.argv.slice(2);
const pool = new pg.Pool({ connectionString: databaseUrl, max: 10 });
const server = Fastify();

server.post<{ Body: Created }>('/api/gateways', async ({ body }, reply) => {
  const { factory_id, gateway_id, name, url, email, password, model, firmware_version, metadata } = body;
  const { rows } = await pool.query({
    name: 'insert',
    text: `
      INSERT INTO gateways (
        id, factory_id, organization_id, gateway_id, name, url, email, password_encrypted, model, firmware_version, metadata,
        stream_revision
      )
      VALUES ($1, $2, (SELECT organization_id FROM factories WHERE id = $2), $3, $4, $5, $6, $7, $8, $9, $10, 0)
      RETURNING ${shown}`,
    values: [uuidv7(), factory_id, gateway_id, name, url, email, password, model, firmware_version, metadata],
  });
  return reply.code(201).send(rows[0]);
});

server.put<{ Params: { id: string }; Body: { name: string; firmware_version: string } }>(
  '/api/gateways/:id',
  async ({ params, body }) => {
    const { rows } = await pool.query({
      name: 'update',
      text: `
        UPDATE gateways SET name = $2, firmware_version = $3, updated_at = now(), stream_revision = stream_revision + 1
        WHERE id = $1 AND deleted_at IS NULL RETURNING ${shown}`,
      values: [params.id, body.name, body.firmware_version],
    });
    if (rows.length === 0) throw new Error(`there is no gateway ${params.id}`);
    return rows[0];
  },
);

process.on('SIGINT', () => undefined);
process.on('disconnect', () => process.exit());
await server.listen({ host: '127.0.0.1', port: 0 });
process.send?.(`http://127.0.0.1:${(server.server.address() as AddressInfo).port}`);
