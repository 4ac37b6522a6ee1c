import { z } from 'zod';
import { exampleFactory } from '../resources/examples.ts';
import { gateways } from './aggregate.ts';
import { commandsOn } from './definition.ts';
import { email, factoryId, firmwareVersion, gatewayId, gatewayMetadata, model, name, password, url } from './fields.ts';

export const createGateway = commandsOn(gateways)({
  name: 'CreateGateway',
  method: 'POST',
  path: '/api/gateways',
  status: 201,
  summary: 'Create a gateway',
  description: 'The password is encrypted before it is recorded, and in no answer.',
  refusals: ['FactoryNotFound', 'GatewayIdTaken', 'AlreadyExists'],
  body: z.strictObject({
    factory_id: factoryId,
    gateway_id: gatewayId,
    name,
    url,
    email,
    password,
    model: model.default(null),
    firmware_version: firmwareVersion.default(null),
    metadata: gatewayMetadata.default({}),
  }),
  example: {
    factory_id: exampleFactory.id,
    gateway_id: 'GW-SPR-001',
    name: 'North Wing Gateway',
    url: 'ws://10.20.0.11:8080',
    email: 'admin@example.com',
    password: 'correct horse battery staple',
    model: 'CTC-GW-100',
    firmware_version: '2.4.1',
    metadata: { rack: 7 },
  },
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
