import { describe, it } from 'vitest';
import { specificationOf } from '../../test/support/decider-specification.ts';
import {
  anOrganization,
  organizationCreated,
  organizationRestored,
  organizationSoftDeleted,
  organizationUpdated,
} from '../../test/support/examples.ts';
import { type OrganizationCommand, organizationDecider } from './organization.ts';

const given = specificationOf(organizationDecider);

const { id, ...fields } = organizationCreated().data;
const create: OrganizationCommand = { type: 'CreateOrganization', id, fields };
const softDelete: OrganizationCommand = { type: 'SoftDeleteOrganization', childrenToSpare: false };
const restore: OrganizationCommand = { type: 'RestoreOrganization' };

function update(changes: Partial<typeof fields>): OrganizationCommand {
  return { type: 'UpdateOrganization', fields: changes };
}

describe('CreateOrganization', () => {
  it('records the organization', () => given().when(create).then(organizationCreated()));

  it('is rejected when there is one with this id', () =>
    given(organizationCreated()).when(create).thenRejected('AlreadyExists'));

  it('is rejected when there was one with this id', () =>
    given(organizationCreated(), organizationSoftDeleted()).when(create).thenRejected('AlreadyExists'));
});

describe('UpdateOrganization', () => {
  it('records only what changes', () =>
    given(organizationCreated())
      .when(update({ name: 'Acme Industries', metadata: fields.metadata }))
      .then(organizationUpdated({ name: 'Acme Industries' })));

  it('is ignored when it changes nothing', () => given(organizationCreated()).when(update(fields)).thenNothing());

  it('compares with what the last update left', () =>
    given(organizationCreated(), organizationUpdated({ name: 'Acme Industries' }))
      .when(update({ name: 'Acme Industries' }))
      .thenNothing());

  it('takes metadata with its keys in another order for the same', () =>
    given(organizationCreated({ metadata: { a: 1, b: { c: [1, 2], d: null } } }))
      .when(update({ metadata: { b: { d: null, c: [1, 2] }, a: 1 } }))
      .thenNothing());

  it('takes an array in another order for a change', () =>
    given(organizationCreated({ metadata: { a: [1, 2] } }))
      .when(update({ metadata: { a: [2, 1] } }))
      .then(organizationUpdated({ metadata: { a: [2, 1] } })));

  it('is rejected when there is no such organization', () =>
    given()
      .when(update({ name: 'Acme' }))
      .thenRejected('OrganizationNotFound'));

  it('is rejected when the organization is deleted', () =>
    given(organizationCreated(), organizationSoftDeleted())
      .when(update({ name: 'Acme Industries' }))
      .thenRejected('OrganizationNotFound'));
});

describe('SoftDeleteOrganization', () => {
  it('records that the organization was soft-deleted', () =>
    given(organizationCreated()).when(softDelete).then(organizationSoftDeleted()));

  it('is ignored when it is deleted already', () =>
    given(organizationCreated(), organizationSoftDeleted()).when(softDelete).thenNothing());

  it('is rejected when there is no such organization', () =>
    given().when(softDelete).thenRejected('OrganizationNotFound'));
});

describe('RestoreOrganization', () => {
  it('records that the organization is back', () =>
    given(organizationCreated(), organizationSoftDeleted())
      .when(restore)
      .then(organizationRestored({ id: anOrganization })));

  it('is ignored when the organization is active', () => given(organizationCreated()).when(restore).thenNothing());

  it('is ignored after it was restored', () =>
    given(organizationCreated(), organizationSoftDeleted(), organizationRestored()).when(restore).thenNothing());

  it('is rejected when there is no such organization', () =>
    given().when(restore).thenRejected('OrganizationNotFound'));
});
