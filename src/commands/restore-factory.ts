import { factories } from './aggregate.ts';
import { commandsOn } from './definition.ts';

export const restoreFactory = commandsOn(factories)({
  name: 'RestoreFactory',
  method: 'POST',
  path: '/api/factories/:id/restore',
  status: 200,
  summary: 'Restore a factory',
  description:
    'Its organization must not be deleted. The gateways that were deleted with it come back, each a moment later; one whose ' +
    '`gateway_id` is taken meanwhile stays deleted. Restoring what is not deleted is no error.',
  refusals: ['FactoryNotFound', 'ParentDeleted'],
  ask: async (_input, factory, facts) => {
    if (factory.status === 'none') return [{ type: 'RestoreFactory', organization: { status: 'none' } }];
    const organization = await facts.organization(factory.ids.organizationId);
    return [{ type: 'RestoreFactory', organization }];
  },
});
