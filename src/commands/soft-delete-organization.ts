import { z } from 'zod';
import { organizations } from './aggregate.ts';
import { commandsOn } from './definition.ts';
import { cascade } from './fields.ts';

export const softDeleteOrganization = commandsOn(organizations)({
  name: 'SoftDeleteOrganization',
  method: 'DELETE',
  path: '/api/organizations/:id',
  status: 204,
  summary: 'Delete an organization',
  description:
    'It can be restored. Its active factories and their gateways are deleted with it, each a moment later, and come back ' +
    'with it. Deleting what is deleted is no error.',
  refusals: ['OrganizationNotFound', 'HasActiveChildren'],
  query: z.strictObject({ cascade }),
  ask: async ({ id, query }, organization, facts) => {
    const isAsked = !query.cascade && organization.status === 'active';
    const childrenToSpare = isAsked && (await facts.hasActiveChildren('organization', id));
    return [{ type: 'SoftDeleteOrganization', childrenToSpare }];
  },
});
