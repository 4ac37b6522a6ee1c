import { organizations } from './aggregate.ts';
import { commandsOn } from './definition.ts';

export const restoreOrganization = commandsOn(organizations)({
  name: 'RestoreOrganization',
  method: 'POST',
  path: '/api/organizations/:id/restore',
  status: 200,
  summary: 'Restore an organization',
  description:
    'The factories that were deleted with it come back, and their gateways with them, each a moment later. Restoring what is ' +
    'not deleted is no error.',
  refusals: ['OrganizationNotFound'],
  ask: async () => [{ type: 'RestoreOrganization' }],
});
