import { gateways } from './aggregate.ts';
import { commandsOn } from './definition.ts';

export const softDeleteGateway = commandsOn(gateways)({
  name: 'SoftDeleteGateway',
  method: 'DELETE',
  path: '/api/gateways/:id',
  status: 204,
  summary: 'Delete a gateway',
  description:
    'It can be restored. Its `gateway_id` is free at once. Deleting what is deleted is no error, and changes nothing: what ' +
    'was deleted with its factory still comes back with it.',
  refusals: ['GatewayNotFound'],
  ask: async () => [{ type: 'SoftDeleteGateway' }],
});
