import { organizations } from './aggregate.ts';
import { commandsOn } from './definition.ts';

export const softDeleteOrganization = commandsOn(organizations)({
  name: 'SoftDeleteOrganization',
  method: 'DELETE',
  path: '/api/organizations/:id',
  status: 204,
  summary: 'Delete an organization',
  description: 'It can be restored. Its factories and gateways stay as they are. Deleting what is deleted is no error.',
  refusals: ['OrganizationNotFound'],
  ask: async () => [{ type: 'SoftDeleteOrganization', childrenToSpare: false }],
});
