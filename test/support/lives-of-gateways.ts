// Many gateways, each with a life of its own, as one log: for specs that need a lot of all that can happen to them.
import type { RegistryEvent } from '../../src/events/catalogue.ts';
import type { StoredEvent } from '../../src/events/event-log.ts';
import { DeviceId, GatewayId } from '../../src/events/ids.ts';
import * as examples from './examples.ts';

/** A log in which so many gateways live side by side. Every third is deleted in the end. */
export function livesOfGateways(count: number): readonly StoredEvent[] {
  const lives = Array.from({ length: count }, (_, index) => lifeOf(index));
  const longest = Math.max(...lives.map(({ length }) => length));
  const inTurns = Array.from({ length: longest }, (_, turn) => lives.flatMap((life) => life.slice(turn, turn + 1)));
  return examples.storedInOrder(...inTurns.flat());
}

function lifeOf(index: number): readonly RegistryEvent[] {
  const id = GatewayId.parse(`0194c000-0000-7000-9000-${index.toString(16).padStart(12, '0')}`);
  const gatewayId = DeviceId.parse(`GW-${index}`);
  const elsewhere = { id, factoryId: examples.anotherFactory };
  const life = [
    examples.gatewayCreated({ id, gatewayId }),
    examples.gatewayUpdated({ id, name: `Gateway ${index}` }),
    examples.gatewayMoved({ id }),
    examples.gatewayPasswordChanged(elsewhere),
    examples.gatewaySoftDeleted(elsewhere),
    examples.gatewayRestored({ ...elsewhere, gatewayId }),
    examples.gatewayMoved({ id, factoryId: examples.aFactory, fromFactoryId: examples.anotherFactory }),
    examples.gatewayUpdated({ id, model: null, metadata: { index } }),
  ];
  return index % 3 === 0 ? [...life, examples.gatewaySoftDeleted({ id })] : life;
}
