import { z } from 'zod';
import { gateways } from './aggregate.ts';
import { commandsOn } from './definition.ts';
import { email, factoryId, firmwareVersion, gatewayId, metadata, model, name, password, url } from './fields.ts';

export const createGateway = commandsOn(gateways)({
  name: 'CreateGateway',
  method: 'POST',
  path: '/api/gateways',
  status: 201,
  body: z.strictObject({
    factory_id: factoryId,
    gateway_id: gatewayId,
    name,
    url,
    email,
    password,
    model: model.default(null),
    firmware_version: firmwareVersion.default(null),
    metadata: metadata.default({}),
  }),
  ask: async ({ id, body }, _gateway, facts) => {
    const { factory_id, gateway_id, firmware_version, password, ...fields } = body;
    return [
      {
        type: 'CreateGateway',
        id,
        fields: { ...fields, gatewayId: gateway_id, firmwareVersion: firmware_version },
        passwordEncrypted: facts.sealPassword(password, id),
        factory: await facts.factory(factory_id),
        reservationId: facts.newReservation(),
      },
    ];
  },
});
