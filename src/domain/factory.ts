import type { FactoryEvent } from '../events/factory.ts';
import type { EventId, FactoryId, OrganizationId } from '../events/ids.ts';
import type { JsonObject } from '../events/json.ts';
import { changedFields } from './changes.ts';
import { accept, type Decider, type Decision, ignore, reject, unreachable } from './decision.ts';
import type { Organization } from './organization.ts';

/** The stream that holds a factory's events. */
export const factoryStream = (id: FactoryId) => `factory-${id}` as const;

interface FactoryIds {
  readonly id: FactoryId;
  readonly organizationId: OrganizationId;
}

interface FactoryFields {
  readonly name: string;
  readonly location: string | null;
  readonly timezone: string;
  readonly metadata: JsonObject;
}

export type Factory =
  | { readonly status: 'none' }
  | ({ readonly ids: FactoryIds; readonly fields: FactoryFields } & (
      | { readonly status: 'active' }
      /** `cause` is the deletion of its organization that took it along, if that did. */
      | { readonly status: 'deleted'; readonly cause: EventId | null }
    ));

export type FactoryCommand =
  | {
      readonly type: 'CreateFactory';
      readonly ids: FactoryIds;
      readonly fields: FactoryFields;
      readonly organization: Organization;
    }
  | { readonly type: 'UpdateFactory'; readonly fields: Partial<FactoryFields> }
  /** `childrenToSpare`: whether it has active gateways that must not be deleted with it. */
  | { readonly type: 'SoftDeleteFactory'; readonly childrenToSpare: boolean }
  | { readonly type: 'RestoreFactory'; readonly organization: Organization }
  /** What follows when its organization is deleted, and restored: `cause` is that event, `deletion` the one that it undoes. */
  | { readonly type: 'SoftDeleteFactoryWithOrganization'; readonly cause: EventId }
  | { readonly type: 'RestoreFactoryWithOrganization'; readonly cause: EventId; readonly deletion: EventId };

type Command<Type extends FactoryCommand['type']> = Extract<FactoryCommand, { type: Type }>;
type FactoryDecision = Decision<FactoryEvent>;

function evolve(factory: Factory, event: FactoryEvent): Factory {
  if (event.type === 'FactoryCreated') {
    const { id, organizationId, ...fields } = event.data;
    return { status: 'active', ids: { id, organizationId }, fields };
  }
  if (factory.status === 'none') return factory;
  switch (event.type) {
    case 'FactoryUpdated': {
      const { id: _, organizationId: __, ...changes } = event.data;
      return { ...factory, fields: { ...factory.fields, ...changes } };
    }
    case 'FactorySoftDeleted':
      return { ids: factory.ids, fields: factory.fields, status: 'deleted', cause: event.data.cause };
    case 'FactoryRestored':
      return { ids: factory.ids, fields: factory.fields, status: 'active' };
    default:
      return unreachable(event);
  }
}

function create({ ids, fields, organization }: Command<'CreateFactory'>, factory: Factory): FactoryDecision {
  if (factory.status !== 'none') return reject('AlreadyExists');
  if (organization.status !== 'active') return reject('OrganizationNotFound');
  return accept({ type: 'FactoryCreated', data: { ...ids, ...fields } });
}

function update({ fields }: Command<'UpdateFactory'>, factory: Factory): FactoryDecision {
  if (factory.status !== 'active') return reject('FactoryNotFound');
  const changes = changedFields(fields, factory.fields);
  if (Object.keys(changes).length === 0) return ignore;
  return accept({ type: 'FactoryUpdated', data: { ...factory.ids, ...changes } });
}

function softDelete({ childrenToSpare }: Command<'SoftDeleteFactory'>, factory: Factory): FactoryDecision {
  if (factory.status === 'none') return reject('FactoryNotFound');
  if (factory.status === 'deleted') return ignore;
  if (childrenToSpare) return reject('HasActiveChildren');
  return accept({ type: 'FactorySoftDeleted', data: { ...factory.ids, cause: null } });
}

function softDeleteWithOrganization(
  { cause }: Command<'SoftDeleteFactoryWithOrganization'>,
  factory: Factory,
): FactoryDecision {
  if (factory.status !== 'active') return ignore;
  return accept({ type: 'FactorySoftDeleted', data: { ...factory.ids, cause } });
}

function restore({ organization }: Command<'RestoreFactory'>, factory: Factory): FactoryDecision {
  if (factory.status === 'none') return reject('FactoryNotFound');
  if (factory.status === 'active') return ignore;
  if (organization.status !== 'active') return reject('ParentDeleted');
  return accept({ type: 'FactoryRestored', data: { ...factory.ids, cause: null } });
}

// Whether the organization is active still is not asked: should it be deleted again, that has a reaction of its own.
function restoreWithOrganization(
  { cause, deletion }: Command<'RestoreFactoryWithOrganization'>,
  factory: Factory,
): FactoryDecision {
  if (factory.status !== 'deleted' || factory.cause !== deletion) return ignore;
  return accept({ type: 'FactoryRestored', data: { ...factory.ids, cause } });
}

function decide(command: FactoryCommand, factory: Factory): FactoryDecision {
  switch (command.type) {
    case 'CreateFactory':
      return create(command, factory);
    case 'UpdateFactory':
      return update(command, factory);
    case 'SoftDeleteFactory':
      return softDelete(command, factory);
    case 'SoftDeleteFactoryWithOrganization':
      return softDeleteWithOrganization(command, factory);
    case 'RestoreFactory':
      return restore(command, factory);
    case 'RestoreFactoryWithOrganization':
      return restoreWithOrganization(command, factory);
    default:
      return unreachable(command);
  }
}

export const factoryDecider: Decider<FactoryCommand, Factory, FactoryEvent> = {
  initial: { status: 'none' },
  evolve,
  decide,
};
