import type { OrganizationId } from '../events/ids.ts';
import type { JsonObject } from '../events/json.ts';
import type { OrganizationEvent } from '../events/organization.ts';
import { changedFields } from './changes.ts';
import { accept, type Decider, type Decision, ignore, reject, unreachable } from './decision.ts';

/** The stream that holds an organization's events. */
export const organizationStream = (id: OrganizationId) => `organization-${id}` as const;

interface OrganizationFields {
  readonly name: string;
  readonly metadata: JsonObject;
}

export type Organization =
  | { readonly status: 'none' }
  | { readonly status: 'active' | 'deleted'; readonly id: OrganizationId; readonly fields: OrganizationFields };

export type OrganizationCommand =
  | { readonly type: 'CreateOrganization'; readonly id: OrganizationId; readonly fields: OrganizationFields }
  | { readonly type: 'UpdateOrganization'; readonly fields: Partial<OrganizationFields> }
  /** `childrenToSpare`: whether it has active factories that must not be deleted with it. */
  | { readonly type: 'SoftDeleteOrganization'; readonly childrenToSpare: boolean }
  | { readonly type: 'RestoreOrganization' };

type Command<Type extends OrganizationCommand['type']> = Extract<OrganizationCommand, { type: Type }>;
type OrganizationDecision = Decision<OrganizationEvent>;

function evolve(organization: Organization, event: OrganizationEvent): Organization {
  if (event.type === 'OrganizationCreated') {
    const { id, ...fields } = event.data;
    return { status: 'active', id, fields };
  }
  if (organization.status === 'none') return organization;
  switch (event.type) {
    case 'OrganizationUpdated': {
      const { id: _, ...changes } = event.data;
      return { ...organization, fields: { ...organization.fields, ...changes } };
    }
    case 'OrganizationSoftDeleted':
      return { ...organization, status: 'deleted' };
    case 'OrganizationRestored':
      return { ...organization, status: 'active' };
    default:
      return unreachable(event);
  }
}

function create({ id, fields }: Command<'CreateOrganization'>, organization: Organization): OrganizationDecision {
  if (organization.status !== 'none') return reject('AlreadyExists');
  return accept({ type: 'OrganizationCreated', data: { id, ...fields } });
}

function update({ fields }: Command<'UpdateOrganization'>, organization: Organization): OrganizationDecision {
  if (organization.status !== 'active') return reject('OrganizationNotFound');
  const changes = changedFields(fields, organization.fields);
  if (Object.keys(changes).length === 0) return ignore;
  return accept({ type: 'OrganizationUpdated', data: { id: organization.id, ...changes } });
}

function softDelete(
  { childrenToSpare }: Command<'SoftDeleteOrganization'>,
  organization: Organization,
): OrganizationDecision {
  if (organization.status === 'none') return reject('OrganizationNotFound');
  if (organization.status === 'deleted') return ignore;
  if (childrenToSpare) return reject('HasActiveChildren');
  return accept({ type: 'OrganizationSoftDeleted', data: { id: organization.id } });
}

function restore(organization: Organization): OrganizationDecision {
  if (organization.status === 'none') return reject('OrganizationNotFound');
  if (organization.status === 'active') return ignore;
  return accept({ type: 'OrganizationRestored', data: { id: organization.id } });
}

function decide(command: OrganizationCommand, organization: Organization): OrganizationDecision {
  switch (command.type) {
    case 'CreateOrganization':
      return create(command, organization);
    case 'UpdateOrganization':
      return update(command, organization);
    case 'SoftDeleteOrganization':
      return softDelete(command, organization);
    case 'RestoreOrganization':
      return restore(organization);
    default:
      return unreachable(command);
  }
}

export const organizationDecider: Decider<OrganizationCommand, Organization, OrganizationEvent> = {
  initial: { status: 'none' },
  evolve,
  decide,
};
