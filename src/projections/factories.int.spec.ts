import { describe, it } from 'vitest';
import {
  aFactory,
  anOrganization,
  factoryCreated,
  factoryRestored,
  factorySoftDeleted,
  factoryUpdated,
  organizationCreated,
} from '../../test/support/examples.ts';
import { projectionSpecification } from '../../test/support/projection-specification.ts';

const { given } = projectionSpecification('factories');

const created = {
  id: aFactory,
  organization_id: anOrganization,
  name: 'Acme Berlin',
  location: 'Berlin, Germany',
  timezone: 'Europe/Berlin',
  metadata: { halls: 3 },
  created_at: '2026-01-02T03:04:06.678Z',
  updated_at: '2026-01-02T03:04:06.678Z',
  deleted_at: null,
  stream_revision: 0n,
};

const changed = { updated_at: '2026-01-02T03:04:07.678Z', stream_revision: 1n };

describe('the projection of factories', () => {
  it('makes a row of FactoryCreated', () => given(organizationCreated()).when(factoryCreated()).thenRows(created));

  it('changes only the fields that FactoryUpdated carries', () =>
    given(organizationCreated(), factoryCreated())
      .when(factoryUpdated({ timezone: 'Asia/Tokyo' }))
      .thenRows({ ...created, ...changed, timezone: 'Asia/Tokyo' }));

  it('clears a location that FactoryUpdated carries as null', () =>
    given(organizationCreated(), factoryCreated())
      .when(factoryUpdated({ location: null }))
      .thenRows({ ...created, ...changed, location: null }));

  it('marks the row on FactorySoftDeleted', () =>
    given(organizationCreated(), factoryCreated())
      .when(factorySoftDeleted())
      .thenRows({ ...created, ...changed, deleted_at: '2026-01-02T03:04:07.678Z' }));

  it('clears the mark on FactoryRestored', () =>
    given(organizationCreated(), factoryCreated(), factorySoftDeleted())
      .when(factoryRestored())
      .thenRows({ ...created, updated_at: '2026-01-02T03:04:08.678Z', stream_revision: 2n }));

  it('refuses a change to a factory that it does not have', () =>
    given(organizationCreated())
      .when(factorySoftDeleted())
      .thenFails(/has no row to change/));
});
