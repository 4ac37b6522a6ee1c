import { describe, expect, it } from 'vitest';
import { specificationOf } from '../../test/support/decider-specification.ts';
import {
  aCause,
  aDevice,
  aFactory,
  aGateway,
  anOrganization,
  anotherDevice,
  anotherFactory,
  anotherOrganization,
  anotherPasswordEncrypted,
  anotherReservation,
  aReservation,
  gatewayCreated,
  gatewayIdReservationAbandoned,
  gatewayMoved,
  gatewayPasswordChanged,
  gatewayPasswordReencrypted,
  gatewayRestorationRefused,
  gatewayRestored,
  gatewaySoftDeleted,
  gatewayUpdated,
} from '../../test/support/examples.ts';
import { EventId } from '../events/ids.ts';
import type { Factory } from './factory.ts';
import { type GatewayCommand, gatewayDecider } from './gateway.ts';

const given = specificationOf(gatewayDecider);

const activeFactory: Factory = {
  status: 'active',
  ids: { id: aFactory, organizationId: anOrganization },
  fields: { name: 'Acme Berlin', location: null, timezone: 'UTC', metadata: {} },
};
const deletedFactory: Factory = { ...activeFactory, status: 'deleted', cause: null };
const otherFactory: Factory = { ...activeFactory, ids: { ...activeFactory.ids, id: anotherFactory } };

const {
  id,
  factoryId: _,
  organizationId: __,
  reservationId: ___,
  passwordEncrypted,
  ...fields
} = gatewayCreated().data;
const softDelete: GatewayCommand = { type: 'SoftDeleteGateway' };
const changePassword: GatewayCommand = {
  type: 'ChangeGatewayPassword',
  passwordEncrypted: anotherPasswordEncrypted,
};

function create(factory: Factory): GatewayCommand {
  return { type: 'CreateGateway', id, fields, passwordEncrypted, factory, reservationId: aReservation };
}

function update(changes: Partial<typeof fields>): GatewayCommand {
  return { type: 'UpdateGateway', fields: changes, reservationId: anotherReservation };
}

function restore(factory: Factory): GatewayCommand {
  return { type: 'RestoreGateway', factory, reservationId: anotherReservation };
}

describe('CreateGateway', () => {
  it('records the gateway with the organization of its factory and its reservation', () =>
    given().when(create(activeFactory)).then(gatewayCreated()));

  it('is rejected when there is no such factory', () =>
    given()
      .when(create({ status: 'none' }))
      .thenRejected('FactoryNotFound'));

  it('is rejected when the factory is deleted', () =>
    given().when(create(deletedFactory)).thenRejected('FactoryNotFound'));

  it('is rejected when there is one with this id', () =>
    given(gatewayCreated()).when(create(activeFactory)).thenRejected('AlreadyExists'));

  it('may still happen after a reservation for it was abandoned', () =>
    given(gatewayIdReservationAbandoned()).when(create(activeFactory)).then(gatewayCreated()));
});

describe('UpdateGateway', () => {
  it('records only what changes', () =>
    given(gatewayCreated())
      .when(update({ ...fields, name: 'Hall 2', firmwareVersion: null }))
      .then(gatewayUpdated({ name: 'Hall 2', firmwareVersion: null })));

  it('takes a reservation for another device id', () =>
    given(gatewayCreated())
      .when(update({ gatewayId: anotherDevice }))
      .then(gatewayUpdated({ gatewayId: anotherDevice, reservationId: anotherReservation })));

  it('needs no reservation for the device id it has', () =>
    given(gatewayCreated())
      .when(update({ gatewayId: aDevice, name: 'Hall 2' }))
      .then(gatewayUpdated({ name: 'Hall 2' })));

  it('is ignored when it changes nothing', () => given(gatewayCreated()).when(update(fields)).thenNothing());

  it('is rejected when the gateway is deleted', () =>
    given(gatewayCreated(), gatewaySoftDeleted())
      .when(update({ name: 'Hall 2' }))
      .thenRejected('GatewayNotFound'));

  it('is rejected when there is no such gateway', () =>
    given()
      .when(update({ name: 'Hall 2' }))
      .thenRejected('GatewayNotFound'));
});

describe('ChangeGatewayPassword', () => {
  it('records the new password, sealed', () =>
    given(gatewayCreated())
      .when(changePassword)
      .then(gatewayPasswordChanged({ passwordEncrypted: anotherPasswordEncrypted })));

  it('is rejected when the gateway is deleted', () =>
    given(gatewayCreated(), gatewaySoftDeleted()).when(changePassword).thenRejected('GatewayNotFound'));
});

describe('SoftDeleteGateway', () => {
  it('records that the gateway was soft-deleted', () =>
    given(gatewayCreated()).when(softDelete).then(gatewaySoftDeleted()));

  it('is ignored when it is deleted already', () =>
    given(gatewayCreated(), gatewaySoftDeleted()).when(softDelete).thenNothing());

  it('is rejected when there is no such gateway', () => given().when(softDelete).thenRejected('GatewayNotFound'));
});

describe('RestoreGateway', () => {
  it('takes its device id anew', () =>
    given(gatewayCreated(), gatewaySoftDeleted())
      .when(restore(activeFactory))
      .then(gatewayRestored({ gatewayId: aDevice, reservationId: anotherReservation })));

  it('takes the device id that it had last', () =>
    given(
      gatewayCreated(),
      gatewayUpdated({ gatewayId: anotherDevice, reservationId: aReservation }),
      gatewaySoftDeleted(),
    )
      .when(restore(activeFactory))
      .then(gatewayRestored({ gatewayId: anotherDevice, reservationId: anotherReservation })));

  it('is rejected when its factory is deleted', () =>
    given(gatewayCreated(), gatewaySoftDeleted()).when(restore(deletedFactory)).thenRejected('ParentDeleted'));

  it('is ignored when the gateway is active', () => given(gatewayCreated()).when(restore(activeFactory)).thenNothing());

  it('is rejected when there is no such gateway', () =>
    given().when(restore(activeFactory)).thenRejected('GatewayNotFound'));
});

describe('a gateway', () => {
  it('remembers every reservation that its stream has repeated or abandoned', () => {
    const events = [
      gatewayCreated({ reservationId: aReservation }),
      gatewayUpdated({ name: 'Hall 2' }),
      gatewaySoftDeleted(),
      gatewayIdReservationAbandoned({ reservationId: anotherReservation }),
    ];
    const gateway = events.reduce(gatewayDecider.evolve, gatewayDecider.initial);

    expect(gateway.settled).toEqual([aReservation, anotherReservation]);
  });

  it('holds no password in its state', () => {
    const gateway = [gatewayCreated(), gatewayPasswordChanged()].reduce(gatewayDecider.evolve, gatewayDecider.initial);

    expect(JSON.stringify(gateway)).not.toContain(passwordEncrypted);
    expect(gateway).toMatchObject({ status: 'active', ids: { id: aGateway } });
  });
});

const anotherCause = EventId.parse('0194e000-0000-7000-8000-00000000ca06');

describe('MoveGateway', () => {
  const move = (factory: Factory): GatewayCommand => ({ type: 'MoveGateway', factory });

  it('records where the gateway stands now and where it stood', () =>
    given(gatewayCreated()).when(move(otherFactory)).then(gatewayMoved()));

  it('is ignored when it stands there already', () =>
    given(gatewayCreated(), gatewayMoved()).when(move(otherFactory)).thenNothing());

  it('is rejected when the factory is deleted', () =>
    given(gatewayCreated())
      .when(move({ ...otherFactory, status: 'deleted', cause: null } as Factory))
      .thenRejected('FactoryNotFound'));

  it('is rejected when the factory belongs to another organization', () =>
    given(gatewayCreated())
      .when(move({ ...otherFactory, ids: { id: anotherFactory, organizationId: anotherOrganization } } as Factory))
      .thenRejected('OtherOrganization'));

  it('is rejected when the gateway is deleted', () =>
    given(gatewayCreated(), gatewaySoftDeleted()).when(move(otherFactory)).thenRejected('GatewayNotFound'));
});

describe('ReencryptGatewayPassword', () => {
  const reencrypt: GatewayCommand = {
    type: 'ReencryptGatewayPassword',
    passwordEncrypted: anotherPasswordEncrypted,
  };

  it('records the new ciphertext, of a deleted gateway too', () => {
    given(gatewayCreated()).when(reencrypt).then(gatewayPasswordReencrypted());
    given(gatewayCreated(), gatewaySoftDeleted()).when(reencrypt).then(gatewayPasswordReencrypted());
  });

  it('is ignored when there is nothing to be done', () =>
    given(gatewayCreated())
      .when({ ...reencrypt, passwordEncrypted: undefined })
      .thenNothing());

  it('is rejected when there is no such gateway', () => given().when(reencrypt).thenRejected('GatewayNotFound'));
});

describe('what follows for a gateway when its factory is deleted', () => {
  const softDeleteWithFactory: GatewayCommand = { type: 'SoftDeleteGatewayWithFactory', cause: aCause };

  it('is deleted, and says why', () =>
    given(gatewayCreated())
      .when(softDeleteWithFactory)
      .then(gatewaySoftDeleted({ cause: aCause })));

  it('is nothing when it is deleted already, or was never created', () => {
    given(gatewayCreated(), gatewaySoftDeleted()).when(softDeleteWithFactory).thenNothing();
    given().when(softDeleteWithFactory).thenNothing();
  });
});

describe('what follows for a gateway when its factory is restored', () => {
  const restored: GatewayCommand = {
    type: 'RestoreGatewayWithFactory',
    cause: anotherCause,
    deletion: aCause,
    reservationId: anotherReservation,
  };
  const refused: GatewayCommand = { type: 'RefuseRestorationWithFactory', cause: anotherCause, deletion: aCause };
  const takenAlong = [gatewayCreated(), gatewaySoftDeleted({ cause: aCause })] as const;

  it('is restored when that deletion took it along', () =>
    given(...takenAlong)
      .when(restored)
      .then(gatewayRestored({ cause: anotherCause })));

  it('records why it stays deleted', () =>
    given(...takenAlong)
      .when(refused)
      .then(gatewayRestorationRefused({ cause: anotherCause })));

  it.each([
    { when: 'it was deleted by itself', history: [gatewayCreated(), gatewaySoftDeleted()] },
    {
      when: 'another deletion took it along',
      history: [gatewayCreated(), gatewaySoftDeleted({ cause: anotherCause })],
    },
    { when: 'it is active', history: [...takenAlong, gatewayRestored()] },
    { when: 'it was deleted by itself since', history: [...takenAlong, gatewayRestored(), gatewaySoftDeleted()] },
  ])('is nothing when $when', ({ history }) => {
    given(...history)
      .when(restored)
      .thenNothing();
    given(...history)
      .when(refused)
      .thenNothing();
  });
});
