import { gateways } from './aggregate.ts';
import { commandsOn } from './definition.ts';

export const softDeleteGateway = commandsOn(gateways)({
  name: 'SoftDeleteGateway',
  method: 'DELETE',
  path: '/api/gateways/:id',
  status: 204,
  ask: async () => [{ type: 'SoftDeleteGateway' }],
});
