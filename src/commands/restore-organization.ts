import { organizations } from './aggregate.ts';
import { commandsOn } from './definition.ts';

export const restoreOrganization = commandsOn(organizations)({
  name: 'RestoreOrganization',
  method: 'POST',
  path: '/api/organizations/:id/restore',
  status: 200,
  ask: async () => [{ type: 'RestoreOrganization' }],
});
