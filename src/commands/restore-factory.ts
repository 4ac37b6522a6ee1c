import { factories } from './aggregate.ts';
import { commandsOn } from './definition.ts';

export const restoreFactory = commandsOn(factories)({
  name: 'RestoreFactory',
  method: 'POST',
  path: '/api/factories/:id/restore',
  status: 200,
  ask: async (_input, factory, facts) => {
    if (factory.status === 'none') return [{ type: 'RestoreFactory', organization: { status: 'none' } }];
    const organization = await facts.organization(factory.ids.organizationId);
    return [{ type: 'RestoreFactory', organization }];
  },
});
