import type { GatewayCommand } from '../domain/gateway.ts';
import { gateways } from './aggregate.ts';
import { commandsOn } from './definition.ts';
import { anyOf, email, firmwareVersion, gatewayId, gatewayMetadata, model, name, password, url } from './fields.ts';

/** A password in an update is a change of password, an event of its own: it is never compared with the old one. */
export const updateGateway = commandsOn(gateways)({
  name: 'UpdateGateway',
  method: 'PUT',
  path: '/api/gateways/:id',
  status: 200,
  summary: 'Change a gateway',
  description:
    'What is left out stays as it is; `metadata` is replaced as a whole. What is so already is no change and no error.' +
    ' A password counts as changed whenever one is sent. To another factory it is moved.',
  refusals: ['GatewayNotFound', 'GatewayIdTaken'],
  body: anyOf({
    gateway_id: gatewayId,
    name,
    url,
    email,
    password,
    model,
    firmware_version: firmwareVersion,
    metadata: gatewayMetadata,
  }),
  example: { name: 'South Wing Gateway', firmware_version: '2.5.0', password: 'staple battery horse correct' },
  ask: async ({ id, body }, _gateway, facts) => {
    const { gateway_id, firmware_version, password, ...same } = body;
    const fields = {
      ...same,
      ...(gateway_id !== undefined && { gatewayId: gateway_id }),
      ...(firmware_version !== undefined && { firmwareVersion: firmware_version }),
    };
    const commands: GatewayCommand[] = [{ type: 'UpdateGateway', fields, reservationId: facts.newReservation() }];
    if (password !== undefined) {
      commands.push({ type: 'ChangeGatewayPassword', passwordEncrypted: facts.sealPassword(password, id) });
    }
    return commands;
  },
});
