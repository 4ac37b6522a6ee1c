import { describe, it } from 'vitest';
import { specificationOf } from '../../test/support/decider-specification.ts';
import {
  aCause,
  anOrganization,
  factoryCreated,
  factoryRestored,
  factorySoftDeleted,
  factoryUpdated,
} from '../../test/support/examples.ts';
import { EventId } from '../events/ids.ts';
import { type FactoryCommand, factoryDecider } from './factory.ts';
import type { Organization } from './organization.ts';

const given = specificationOf(factoryDecider);

const activeOrganization: Organization = {
  status: 'active',
  id: anOrganization,
  fields: { name: 'Acme', metadata: {} },
};
const deletedOrganization: Organization = { ...activeOrganization, status: 'deleted' };
const noOrganization: Organization = { status: 'none' };

const { id, organizationId, ...fields } = factoryCreated().data;
const softDelete: FactoryCommand = { type: 'SoftDeleteFactory', childrenToSpare: false };

function create(organization: Organization): FactoryCommand {
  return { type: 'CreateFactory', ids: { id, organizationId }, fields, organization };
}

function update(changes: Partial<typeof fields>): FactoryCommand {
  return { type: 'UpdateFactory', fields: changes };
}

function restore(organization: Organization): FactoryCommand {
  return { type: 'RestoreFactory', organization };
}

describe('CreateFactory', () => {
  it('records the factory', () => given().when(create(activeOrganization)).then(factoryCreated()));

  it('is rejected when there is no such organization', () =>
    given().when(create(noOrganization)).thenRejected('OrganizationNotFound'));

  it('is rejected when the organization is deleted', () =>
    given().when(create(deletedOrganization)).thenRejected('OrganizationNotFound'));

  it('is rejected when there is one with this id', () =>
    given(factoryCreated()).when(create(activeOrganization)).thenRejected('AlreadyExists'));
});

describe('UpdateFactory', () => {
  it('records only what changes, with the ids', () =>
    given(factoryCreated())
      .when(update({ ...fields, name: 'Acme Berlin-Spandau' }))
      .then(factoryUpdated({ name: 'Acme Berlin-Spandau' })));

  it('records that a location was taken away', () =>
    given(factoryCreated())
      .when(update({ location: null }))
      .then(factoryUpdated({ location: null })));

  it('is ignored when it changes nothing', () => given(factoryCreated()).when(update(fields)).thenNothing());

  it('is rejected when there is no such factory', () =>
    given()
      .when(update({ name: 'x' }))
      .thenRejected('FactoryNotFound'));

  it('is rejected when the factory is deleted', () =>
    given(factoryCreated(), factorySoftDeleted())
      .when(update({ name: 'x' }))
      .thenRejected('FactoryNotFound'));
});

describe('SoftDeleteFactory', () => {
  it('records that the factory was soft-deleted', () =>
    given(factoryCreated()).when(softDelete).then(factorySoftDeleted()));

  it('is rejected when there is something active to be spared', () =>
    given(factoryCreated())
      .when({ type: 'SoftDeleteFactory', childrenToSpare: true })
      .thenRejected('HasActiveChildren'));

  it('is ignored when it is deleted already', () =>
    given(factoryCreated(), factorySoftDeleted()).when(softDelete).thenNothing());

  it('is rejected when there is no such factory', () => given().when(softDelete).thenRejected('FactoryNotFound'));
});

describe('RestoreFactory', () => {
  it('records that the factory is back', () =>
    given(factoryCreated(), factorySoftDeleted()).when(restore(activeOrganization)).then(factoryRestored()));

  it('is rejected when its organization is deleted', () =>
    given(factoryCreated(), factorySoftDeleted()).when(restore(deletedOrganization)).thenRejected('ParentDeleted'));

  it('is ignored when the factory is active, whatever its organization is', () =>
    given(factoryCreated()).when(restore(deletedOrganization)).thenNothing());

  it('is rejected when there is no such factory', () =>
    given().when(restore(activeOrganization)).thenRejected('FactoryNotFound'));
});

describe('what follows for a factory when its organization is deleted', () => {
  const softDeleteWithOrganization: FactoryCommand = { type: 'SoftDeleteFactoryWithOrganization', cause: aCause };

  it('is deleted, and says why', () =>
    given(factoryCreated())
      .when(softDeleteWithOrganization)
      .then(factorySoftDeleted({ cause: aCause })));

  it('is nothing when it is deleted already, or was never created', () => {
    given(factoryCreated(), factorySoftDeleted()).when(softDeleteWithOrganization).thenNothing();
    given().when(softDeleteWithOrganization).thenNothing();
  });
});

describe('what follows for a factory when its organization is restored', () => {
  const anotherCause = EventId.parse('0194e000-0000-7000-8000-00000000ca06');
  const restored: FactoryCommand = { type: 'RestoreFactoryWithOrganization', cause: anotherCause, deletion: aCause };
  const takenAlong = [factoryCreated(), factorySoftDeleted({ cause: aCause })] as const;

  it('is restored when that deletion took it along', () =>
    given(...takenAlong)
      .when(restored)
      .then(factoryRestored({ cause: anotherCause })));

  it.each([
    { when: 'it was deleted by itself', history: [factoryCreated(), factorySoftDeleted()] },
    {
      when: 'another deletion took it along',
      history: [factoryCreated(), factorySoftDeleted({ cause: anotherCause })],
    },
    { when: 'it is active', history: [...takenAlong, factoryRestored()] },
  ])('is nothing when $when', ({ history }) => {
    given(...history)
      .when(restored)
      .thenNothing();
  });
});
