import { organizations } from './aggregate.ts';
import { commandsOn } from './definition.ts';

export const softDeleteOrganization = commandsOn(organizations)({
  name: 'SoftDeleteOrganization',
  method: 'DELETE',
  path: '/api/organizations/:id',
  status: 204,
  ask: async () => [{ type: 'SoftDeleteOrganization' }],
});
