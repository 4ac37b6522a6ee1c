import type { GatewayEvent } from '../events/gateway.ts';
import type { DeviceId, EventId, FactoryId, GatewayId, OrganizationId, ReservationId } from '../events/ids.ts';
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
  | (Existing & { readonly status: 'active' })
  /** `cause` is the deletion of its factory that took it along, if that did. */
  | (Existing & { readonly status: 'deleted'; readonly cause: EventId | null })
);

interface Existing {
  readonly ids: GatewayIds;
  readonly fields: GatewayFields;
  readonly passwordEncrypted: string;
}

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
  /** The password as it is, encrypted anew; undefined when there is nothing to be done. */
  | { readonly type: 'ReencryptGatewayPassword'; readonly passwordEncrypted: string | undefined }
  | { readonly type: 'MoveGateway'; readonly factory: Factory }
  | { readonly type: 'SoftDeleteGateway' }
  | { readonly type: 'RestoreGateway'; readonly factory: Factory; readonly reservationId: ReservationId }
  /** What follows when its factory is deleted, and restored: `cause` is that event, `deletion` the one that it undoes. */
  | { readonly type: 'SoftDeleteGatewayWithFactory'; readonly cause: EventId }
  | {
      readonly type: 'RestoreGatewayWithFactory';
      readonly cause: EventId;
      readonly deletion: EventId;
      readonly reservationId: ReservationId;
    }
  /** The same when the device id is taken. */
  | { readonly type: 'RefuseRestorationWithFactory'; readonly cause: EventId; readonly deletion: EventId };

type Command<Type extends GatewayCommand['type']> = Extract<GatewayCommand, { type: Type }>;
type GatewayDecision = Decision<GatewayEvent>;

function evolve(gateway: Gateway, event: GatewayEvent): Gateway {
  const settled =
    'reservationId' in event.data && event.data.reservationId
      ? [...gateway.settled, event.data.reservationId]
      : gateway.settled;
  if (event.type === 'GatewayCreated') {
    const { id, factoryId, organizationId, reservationId: _, passwordEncrypted, ...fields } = event.data;
    return { settled, status: 'active', ids: { id, factoryId, organizationId }, fields, passwordEncrypted };
  }
  if (gateway.status === 'none') return { ...gateway, settled };
  switch (event.type) {
    case 'GatewayUpdated': {
      const { id: _, factoryId: __, organizationId: ___, reservationId: ____, ...changes } = event.data;
      return { ...gateway, settled, fields: { ...gateway.fields, ...changes } };
    }
    case 'GatewayPasswordChanged':
    case 'GatewayPasswordReencrypted':
      return { ...gateway, passwordEncrypted: event.data.passwordEncrypted };
    case 'GatewayMoved':
      return { ...gateway, ids: { ...gateway.ids, factoryId: event.data.factoryId } };
    case 'GatewaySoftDeleted':
      return { ...gateway, status: 'deleted', cause: event.data.cause };
    case 'GatewayRestored':
      return { ...existing(gateway), settled, status: 'active' };
    case 'GatewayRestorationRefused':
      return gateway;
    case 'GatewayIdReservationAbandoned':
      return { ...gateway, settled };
    default:
      return unreachable(event);
  }
}

function existing({ ids, fields, passwordEncrypted }: Existing): Existing {
  return { ids, fields, passwordEncrypted };
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

function reencryptPassword(
  { passwordEncrypted }: Command<'ReencryptGatewayPassword'>,
  gateway: Gateway,
): GatewayDecision {
  if (gateway.status === 'none') return reject('GatewayNotFound');
  if (passwordEncrypted === undefined) return ignore;
  return accept({ type: 'GatewayPasswordReencrypted', data: { ...gateway.ids, passwordEncrypted } });
}

function move({ factory }: Command<'MoveGateway'>, gateway: Gateway): GatewayDecision {
  if (gateway.status !== 'active') return reject('GatewayNotFound');
  if (factory.status !== 'active') return reject('FactoryNotFound');
  const { id: factoryId, organizationId } = factory.ids;
  if (factoryId === gateway.ids.factoryId) return ignore;
  if (organizationId !== gateway.ids.organizationId) return reject('OtherOrganization');
  return accept({ type: 'GatewayMoved', data: { ...gateway.ids, factoryId, fromFactoryId: gateway.ids.factoryId } });
}

function softDelete(gateway: Gateway): GatewayDecision {
  if (gateway.status === 'none') return reject('GatewayNotFound');
  if (gateway.status === 'deleted') return ignore;
  return accept({ type: 'GatewaySoftDeleted', data: { ...gateway.ids, cause: null } });
}

function softDeleteWithFactory({ cause }: Command<'SoftDeleteGatewayWithFactory'>, gateway: Gateway): GatewayDecision {
  if (gateway.status !== 'active') return ignore;
  return accept({ type: 'GatewaySoftDeleted', data: { ...gateway.ids, cause } });
}

function restore({ factory, reservationId }: Command<'RestoreGateway'>, gateway: Gateway): GatewayDecision {
  if (gateway.status === 'none') return reject('GatewayNotFound');
  if (gateway.status === 'active') return ignore;
  if (factory.status !== 'active') return reject('ParentDeleted');
  return accept({
    type: 'GatewayRestored',
    data: { ...gateway.ids, gatewayId: gateway.fields.gatewayId, reservationId, cause: null },
  });
}

// Whether the factory is active still is not asked: should it be deleted again, that has a reaction of its own.
function restoreWithFactory(command: Command<'RestoreGatewayWithFactory'>, gateway: Gateway): GatewayDecision {
  const { cause, deletion, reservationId } = command;
  if (gateway.status !== 'deleted' || gateway.cause !== deletion) return ignore;
  const { gatewayId } = gateway.fields;
  return accept({ type: 'GatewayRestored', data: { ...gateway.ids, gatewayId, reservationId, cause } });
}

function refuseRestorationWithFactory(
  { cause, deletion }: Command<'RefuseRestorationWithFactory'>,
  gateway: Gateway,
): GatewayDecision {
  if (gateway.status !== 'deleted' || gateway.cause !== deletion) return ignore;
  const { gatewayId } = gateway.fields;
  return accept({
    type: 'GatewayRestorationRefused',
    data: { ...gateway.ids, gatewayId, reason: 'GatewayIdTaken', cause },
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
    case 'ReencryptGatewayPassword':
      return reencryptPassword(command, gateway);
    case 'MoveGateway':
      return move(command, gateway);
    case 'SoftDeleteGateway':
      return softDelete(gateway);
    case 'SoftDeleteGatewayWithFactory':
      return softDeleteWithFactory(command, gateway);
    case 'RestoreGateway':
      return restore(command, gateway);
    case 'RestoreGatewayWithFactory':
      return restoreWithFactory(command, gateway);
    case 'RefuseRestorationWithFactory':
      return refuseRestorationWithFactory(command, gateway);
    default:
      return unreachable(command);
  }
}

export const gatewayDecider: Decider<GatewayCommand, Gateway, GatewayEvent> = {
  initial: { status: 'none', settled: [] },
  evolve,
  decide,
};
