import { gateways } from './aggregate.ts';
import { commandsOn } from './definition.ts';

export const restoreGateway = commandsOn(gateways)({
  name: 'RestoreGateway',
  method: 'POST',
  path: '/api/gateways/:id/restore',
  status: 200,
  ask: async (_input, gateway, facts) => {
    const factory =
      gateway.status === 'none' ? ({ status: 'none' } as const) : await facts.factory(gateway.ids.factoryId);
    return [{ type: 'RestoreGateway', factory, reservationId: facts.newReservation() }];
  },
});
