import type { GatewayEvent } from '../events/gateway.ts';
import type { DeviceId, FactoryId, GatewayId, OrganizationId, ReservationId } from '../events/ids.ts';
import type { JsonObject } from '../events/json.ts';
import { changedFields } from './changes.ts';
import { accept, type Decider, type Decision, ignore, reject, unreachable } from './decision.ts';
import type { Factory } from './factory.ts';

/** The stream that holds a gateway's events. */
export const gatewayStream = (id: GatewayId) => `gateway-${id}` as const;

export interface GatewayIds {
  readonly id: GatewayId;
  readonly factoryId: FactoryId;
  readonly organizationId: OrganizationId;
}

export interface GatewayFields {
  readonly gatewayId: DeviceId;
  readonly name: string;
  readonly url: string;
  readonly email: string;
  readonly model: string | null;
  readonly firmwareVersion: string | null;
  readonly metadata: JsonObject;
}

/** `settled` are the reservations that this stream has repeated or abandoned: none of them is in flight any more. */
export type Gateway = { readonly settled: readonly ReservationId[] } & (
  | { readonly status: 'none' }
  | { readonly status: 'active' | 'deleted'; readonly ids: GatewayIds; readonly fields: GatewayFields }
);

/** `reservationId` names the reservation under which the command takes a device id, if it takes one. */
export type GatewayCommand =
  | {
      readonly type: 'CreateGateway';
      readonly id: GatewayId;
      readonly fields: GatewayFields;
      readonly passwordEncrypted: string;
      readonly factory: Factory;
      readonly reservationId: ReservationId;
    }
  | { readonly type: 'UpdateGateway'; readonly fields: Partial<GatewayFields>; readonly reservationId: ReservationId }
  | { readonly type: 'ChangeGatewayPassword'; readonly passwordEncrypted: string }
  | { readonly type: 'SoftDeleteGateway' }
  | { readonly type: 'RestoreGateway'; readonly factory: Factory; readonly reservationId: ReservationId };

type Command<Type extends GatewayCommand['type']> = Extract<GatewayCommand, { type: Type }>;
type GatewayDecision = Decision<GatewayEvent>;

function evolve(gateway: Gateway, event: GatewayEvent): Gateway {
  const settled =
    'reservationId' in event.data && event.data.reservationId
      ? [...gateway.settled, event.data.reservationId]
      : gateway.settled;
  if (event.type === 'GatewayCreated') {
    const { id, factoryId, organizationId, reservationId: _, passwordEncrypted: __, ...fields } = event.data;
    return { settled, status: 'active', ids: { id, factoryId, organizationId }, fields };
  }
  if (gateway.status === 'none') return { ...gateway, settled };
  switch (event.type) {
    case 'GatewayUpdated': {
      const { id: _, factoryId: __, organizationId: ___, reservationId: ____, ...changes } = event.data;
      return { ...gateway, settled, fields: { ...gateway.fields, ...changes } };
    }
    case 'GatewaySoftDeleted':
      return { ...gateway, status: 'deleted' };
    case 'GatewayRestored':
      return { ...gateway, settled, status: 'active' };
    case 'GatewayPasswordChanged':
    case 'GatewayIdReservationAbandoned':
      return { ...gateway, settled };
    default:
      return unreachable(event);
  }
}

function create(command: Command<'CreateGateway'>, gateway: Gateway): GatewayDecision {
  const { id, fields, passwordEncrypted, factory, reservationId } = command;
  if (gateway.status !== 'none') return reject('AlreadyExists');
  if (factory.status !== 'active') return reject('FactoryNotFound');
  const { id: factoryId, organizationId } = factory.ids;
  return accept({
    type: 'GatewayCreated',
    data: { id, factoryId, organizationId, reservationId, ...fields, passwordEncrypted },
  });
}

function update({ fields, reservationId }: Command<'UpdateGateway'>, gateway: Gateway): GatewayDecision {
  if (gateway.status !== 'active') return reject('GatewayNotFound');
  const changes = changedFields(fields, gateway.fields);
  if (Object.keys(changes).length === 0) return ignore;
  const claim = changes.gatewayId === undefined ? {} : { reservationId };
  return accept({ type: 'GatewayUpdated', data: { ...gateway.ids, ...changes, ...claim } });
}

function changePassword({ passwordEncrypted }: Command<'ChangeGatewayPassword'>, gateway: Gateway): GatewayDecision {
  if (gateway.status !== 'active') return reject('GatewayNotFound');
  return accept({ type: 'GatewayPasswordChanged', data: { ...gateway.ids, passwordEncrypted } });
}

function softDelete(gateway: Gateway): GatewayDecision {
  if (gateway.status === 'none') return reject('GatewayNotFound');
  if (gateway.status === 'deleted') return ignore;
  return accept({ type: 'GatewaySoftDeleted', data: gateway.ids });
}

function restore({ factory, reservationId }: Command<'RestoreGateway'>, gateway: Gateway): GatewayDecision {
  if (gateway.status === 'none') return reject('GatewayNotFound');
  if (gateway.status === 'active') return ignore;
  if (factory.status !== 'active') return reject('ParentDeleted');
  return accept({
    type: 'GatewayRestored',
    data: { ...gateway.ids, gatewayId: gateway.fields.gatewayId, reservationId },
  });
}

function decide(command: GatewayCommand, gateway: Gateway): GatewayDecision {
  switch (command.type) {
    case 'CreateGateway':
      return create(command, gateway);
    case 'UpdateGateway':
      return update(command, gateway);
    case 'ChangeGatewayPassword':
      return changePassword(command, gateway);
    case 'SoftDeleteGateway':
      return softDelete(gateway);
    case 'RestoreGateway':
      return restore(command, gateway);
    default:
      return unreachable(command);
  }
}

export const gatewayDecider: Decider<GatewayCommand, Gateway, GatewayEvent> = {
  initial: { status: 'none', settled: [] },
  evolve,
  decide,
};
