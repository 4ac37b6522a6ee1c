import { describe, it } from 'vitest';
import {
  anOrganization,
  anotherOrganization,
  organizationCreated,
  organizationRestored,
  organizationSoftDeleted,
  organizationUpdated,
} from '../../test/support/examples.ts';
import { projectionSpecification } from '../../test/support/projection-specification.ts';

const { given } = projectionSpecification('organizations');

const created = {
  id: anOrganization,
  name: 'Acme',
  metadata: { country: 'DE' },
  created_at: '2026-01-02T03:04:05.678Z',
  updated_at: '2026-01-02T03:04:05.678Z',
  deleted_at: null,
  stream_revision: 0n,
};

describe('the projection of organizations', () => {
  it('makes a row of OrganizationCreated, with the time of the event', () =>
    given().when(organizationCreated()).thenRows(created));

  it('makes a row for each of many', () =>
    given()
      .when(organizationCreated(), organizationCreated({ id: anotherOrganization, name: 'Other' }))
      .thenRows(created, {
        ...created,
        id: anotherOrganization,
        name: 'Other',
        created_at: '2026-01-02T03:04:06.678Z',
        updated_at: '2026-01-02T03:04:06.678Z',
      }));

  it('changes only the fields that OrganizationUpdated carries', () =>
    given(organizationCreated())
      .when(organizationUpdated({ name: 'Acme Industries' }))
      .thenRows({ ...created, name: 'Acme Industries', updated_at: '2026-01-02T03:04:06.678Z', stream_revision: 1n }));

  it('replaces metadata as a whole', () =>
    given(organizationCreated())
      .when(organizationUpdated({ metadata: { tags: ['a', { b: null }] } }))
      .thenRows({
        ...created,
        metadata: { tags: ['a', { b: null }] },
        updated_at: '2026-01-02T03:04:06.678Z',
        stream_revision: 1n,
      }));

  it('marks the row on OrganizationSoftDeleted', () =>
    given(organizationCreated())
      .when(organizationSoftDeleted())
      .thenRows({
        ...created,
        updated_at: '2026-01-02T03:04:06.678Z',
        deleted_at: '2026-01-02T03:04:06.678Z',
        stream_revision: 1n,
      }));

  it('clears the mark on OrganizationRestored', () =>
    given(organizationCreated(), organizationSoftDeleted())
      .when(organizationRestored())
      .thenRows({ ...created, updated_at: '2026-01-02T03:04:07.678Z', stream_revision: 2n }));

  it('refuses a change to an organization that it does not have', () =>
    given()
      .when(organizationUpdated())
      .thenFails(/OrganizationUpdated at revision 0 .* has no row to change/));
});
