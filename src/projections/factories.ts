// Which factories does an organization have, and where are they?
import type { FactoryEvent } from '../events/factory.ts';
import type { Projection } from './projection.ts';

export const factories: Projection<FactoryEvent> = {
  table: 'factories',
  statements: {
    FactoryCreated: `
      INSERT INTO factories (
        id, organization_id, name, location, timezone, metadata, created_at, updated_at, stream_revision
      )
      SELECT
        id, (data->>'organizationId')::uuid, data->>'name', data->>'location', data->>'timezone', data->'metadata',
        occurred_at, occurred_at, revision
      FROM event
      ON CONFLICT (id) DO NOTHING`,

    FactoryUpdated: `
      UPDATE factories SET
        name = coalesce(data->>'name', name),
        location = CASE WHEN data ? 'location' THEN data->>'location' ELSE location END,
        timezone = coalesce(data->>'timezone', timezone),
        metadata = coalesce(data->'metadata', metadata),
        updated_at = occurred_at, stream_revision = revision
      FROM event WHERE factories.id = event.id AND stream_revision < revision`,

    FactorySoftDeleted: `
      UPDATE factories SET
        deleted_at = occurred_at,
        updated_at = occurred_at, stream_revision = revision
      FROM event WHERE factories.id = event.id AND stream_revision < revision`,

    FactoryRestored: `
      UPDATE factories SET
        deleted_at = NULL,
        updated_at = occurred_at, stream_revision = revision
      FROM event WHERE factories.id = event.id AND stream_revision < revision`,
  },
};
