import { gateways } from './aggregate.ts';
import { commandsOn } from './definition.ts';

export const restoreGateway = commandsOn(gateways)({
  name: 'RestoreGateway',
  method: 'POST',
  path: '/api/gateways/:id/restore',
  status: 200,
  summary: 'Restore a gateway',
  description: 'Its factory must not be deleted, and its `gateway_id` free. Restoring what is not deleted is no error.',
  refusals: ['GatewayNotFound', 'ParentDeleted', 'GatewayIdTaken'],
  ask: async (_input, gateway, facts) => {
    const factory =
      gateway.status === 'none' ? ({ status: 'none' } as const) : await facts.factory(gateway.ids.factoryId);
    return [{ type: 'RestoreGateway', factory, reservationId: facts.newReservation() }];
  },
});
