// Which organizations are there, and what are they called?
import type { OrganizationEvent } from '../events/organization.ts';
import { present } from './patch.ts';
import type { Projection } from './projection.ts';

export const organizations: Projection<OrganizationEvent> = {
  table: 'organizations',
  columns: ['name', 'metadata', 'created_at', 'updated_at', 'deleted_at'],
  creating: 'OrganizationCreated',
  changes: {
    OrganizationCreated: ({ data: { name, metadata }, metadata: { occurredAt } }) => ({
      name,
      metadata,
      created_at: occurredAt,
      updated_at: occurredAt,
      deleted_at: null,
    }),
    OrganizationUpdated: ({ data: { name, metadata }, metadata: { occurredAt } }) => ({
      ...present({ name, metadata }),
      updated_at: occurredAt,
    }),
    OrganizationSoftDeleted: ({ metadata: { occurredAt } }) => ({ deleted_at: occurredAt, updated_at: occurredAt }),
    OrganizationRestored: ({ metadata: { occurredAt } }) => ({ deleted_at: null, updated_at: occurredAt }),
  },
};
