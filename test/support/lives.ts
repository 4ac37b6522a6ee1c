// Lives of a gateway: any events that a gateway may have had, one after another.
import fc from 'fast-check';
import type { StoredEvent } from '../../src/events/event-log.ts';
import type { GatewayEvent } from '../../src/events/gateway.ts';
import { DeviceId } from '../../src/events/ids.ts';
import {
  aFactory,
  anotherFactory,
  gatewayCreated,
  gatewayIdReservationAbandoned,
  gatewayMoved,
  gatewayPasswordChanged,
  gatewayPasswordReencrypted,
  gatewayRestorationRefused,
  gatewayRestored,
  gatewaySoftDeleted,
  gatewayUpdated,
  now,
  stored,
} from './examples.ts';

const text = fc.constantFrom('North', 'South', 'East');
const optionalText = fc.option(text);
const metadata = fc.constantFrom({}, { rack: 7 }, { rack: 7, row: ['a'] }, { row: ['b'] });

const updates = fc
  .record(
    {
      name: text,
      url: text,
      email: text,
      gatewayId: text.map((name) => DeviceId.parse(name)),
      model: optionalText,
      firmwareVersion: optionalText,
      metadata,
    },
    { requiredKeys: [] },
  )
  .map((fields) => gatewayUpdated(fields));

const moves = fc
  .boolean()
  .map((back) =>
    back
      ? gatewayMoved({ factoryId: aFactory, fromFactoryId: anotherFactory })
      : gatewayMoved({ factoryId: anotherFactory, fromFactoryId: aFactory }),
  );

const whileActive = fc.oneof(
  { arbitrary: updates, weight: 4 },
  moves,
  fc.constantFrom<GatewayEvent>(gatewayPasswordChanged(), gatewayPasswordReencrypted(), gatewaySoftDeleted()),
);

const whileDeleted = fc.constantFrom<GatewayEvent>(
  gatewayRestored(),
  gatewayRestored(),
  gatewayRestorationRefused(),
  gatewayPasswordReencrypted(),
  gatewayIdReservationAbandoned(),
);

/** A life in the log, as many events as may be; up to a second passes between two of them, or none. */
export const lives: fc.Arbitrary<readonly StoredEvent[]> = fc
  .record({
    reservations: fc.nat({ max: 2 }),
    model: optionalText,
    later: fc.array(fc.record({ active: whileActive, deleted: whileDeleted, pause: fc.constantFrom(0, 0, 1, 999) })),
  })
  .map(({ reservations, model, later }) => {
    const events: { readonly event: GatewayEvent; readonly pause: number }[] = [
      ...Array.from({ length: reservations }, () => ({ event: gatewayIdReservationAbandoned(), pause: 500 })),
      { event: gatewayCreated({ model }), pause: 0 },
    ];
    let isDeleted = false;
    for (const { active, deleted, pause } of later) {
      const event: GatewayEvent = isDeleted ? deleted : active;
      events.push({ event, pause });
      if (event.type === 'GatewaySoftDeleted') isDeleted = true;
      if (event.type === 'GatewayRestored') isDeleted = false;
    }
    let time = Date.parse(now);
    return events.map(({ event, pause }, index) => {
      time += pause;
      return stored(event, { revision: BigInt(index), occurredAt: new Date(time).toISOString() });
    });
  });
