import { z } from 'zod';
import { exampleFactory } from '../resources/examples.ts';
import { gateways } from './aggregate.ts';
import { commandsOn } from './definition.ts';
import { factoryId } from './fields.ts';

export const moveGateway = commandsOn(gateways)({
  name: 'MoveGateway',
  method: 'POST',
  path: '/api/gateways/:id/move',
  status: 200,
  summary: 'Move a gateway',
  description:
    'To another factory of its organization. It stays the same gateway: device id, login and history go with it. ' +
    'Moving it to where it stands is no error.',
  refusals: ['GatewayNotFound', 'FactoryNotFound', 'OtherOrganization'],
  body: z.strictObject({ factory_id: factoryId }),
  example: { factory_id: exampleFactory.id },
  ask: async ({ body }, _gateway, facts) => [{ type: 'MoveGateway', factory: await facts.factory(body.factory_id) }],
});
