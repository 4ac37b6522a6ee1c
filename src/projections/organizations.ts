// Which organizations are there, and what are they called?
import type { OrganizationEvent } from '../events/organization.ts';
import type { Projection } from './projection.ts';

export const organizations: Projection<OrganizationEvent> = {
  table: 'organizations',
  statements: {
    OrganizationCreated: `
      INSERT INTO organizations (id, name, metadata, created_at, updated_at, stream_revision)
      SELECT id, data->>'name', data->'metadata', occurred_at, occurred_at, revision FROM event
      ON CONFLICT (id) DO NOTHING`,

    OrganizationUpdated: `
      UPDATE organizations SET
        name = coalesce(data->>'name', name),
        metadata = coalesce(data->'metadata', metadata),
        updated_at = occurred_at, stream_revision = revision
      FROM event WHERE organizations.id = event.id AND stream_revision < revision`,

    OrganizationSoftDeleted: `
      UPDATE organizations SET
        deleted_at = occurred_at,
        updated_at = occurred_at, stream_revision = revision
      FROM event WHERE organizations.id = event.id AND stream_revision < revision`,

    OrganizationRestored: `
      UPDATE organizations SET
        deleted_at = NULL,
        updated_at = occurred_at, stream_revision = revision
      FROM event WHERE organizations.id = event.id AND stream_revision < revision`,
  },
};
