// Which factories does an organization have, and where are they?
import type { FactoryEvent } from '../events/factory.ts';
import { present } from './patch.ts';
import type { Projection } from './projection.ts';

export const factories: Projection<FactoryEvent> = {
  table: 'factories',
  columns: ['organization_id', 'name', 'location', 'timezone', 'metadata', 'created_at', 'updated_at', 'deleted_at'],
  creating: 'FactoryCreated',
  changes: {
    FactoryCreated: ({ data, metadata: { occurredAt } }) => ({
      organization_id: data.organizationId,
      name: data.name,
      location: data.location,
      timezone: data.timezone,
      metadata: data.metadata,
      created_at: occurredAt,
      updated_at: occurredAt,
      deleted_at: null,
    }),
    FactoryUpdated: ({ data: { name, location, timezone, metadata }, metadata: { occurredAt } }) => ({
      ...present({ name, location, timezone, metadata }),
      updated_at: occurredAt,
    }),
    FactorySoftDeleted: ({ metadata: { occurredAt } }) => ({ deleted_at: occurredAt, updated_at: occurredAt }),
    FactoryRestored: ({ metadata: { occurredAt } }) => ({ deleted_at: null, updated_at: occurredAt }),
  },
};
