// What must be true of a log in which parents and children were deleted and restored, once nothing follows any more.
import type { Recorded } from '../../src/events/codec.ts';
import { EventId } from '../../src/events/ids.ts';
import { reactionId } from '../../src/processes/reaction-id.ts';

interface Thing {
  readonly id: string;
  readonly events: Recorded[];
  isActive: boolean;
  parent: string | undefined;
  device: string | undefined;
}

/** What is wrong with a history, in words; nothing when all is well. */
export function complaints(history: readonly Recorded[]): readonly string[] {
  const things = new Map<string, Thing>();
  const wrong: string[] = [];
  for (const event of history) {
    follow(things, event);
    wrong.push(...complaintsAt(things, event));
  }
  return [...wrong, ...[...things.values()].flatMap((thing) => complaintsInTheEnd(things, thing, history))];
}

function follow(things: Map<string, Thing>, event: Recorded): void {
  const { type, data } = event;
  const thing = things.get(data.id) ?? {
    id: data.id,
    events: [],
    isActive: false,
    parent: undefined,
    device: undefined,
  };
  things.set(data.id, thing);
  thing.events.push(event);
  if (/(Created|Restored)$/.test(type)) thing.isActive = true;
  if (type.endsWith('SoftDeleted')) thing.isActive = false;
  if (type.startsWith('Gateway') && 'factoryId' in data) thing.parent = data.factoryId;
  else if (type.startsWith('Factory') && 'organizationId' in data) thing.parent = data.organizationId;
  if ('gatewayId' in data && data.gatewayId !== undefined && type !== 'GatewayIdReservationAbandoned') {
    thing.device = data.gatewayId;
  }
}

/** What an event must not do where it stands. */
function complaintsAt(things: ReadonlyMap<string, Thing>, event: Recorded): readonly string[] {
  const { type, data, id, stream } = event;
  const thing = things.get(data.id);
  const what = `${type} at revision ${event.revision} of ${stream}`;
  const wrong: string[] = [];
  if (thing?.isActive && thing.device !== undefined) {
    const rivals = [...things.values()].filter(({ isActive, device }) => isActive && device === thing.device);
    if (rivals.length > 1) wrong.push(`${what}: ${rivals.length} gateways have ${thing.device}`);
  }
  if (!('cause' in data) || data.cause === null) return wrong;

  if (id !== reactionId(EventId.parse(data.cause), data.id))
    wrong.push(`${what} has not the id of its cause and target`);
  const sameCause = thing?.events.filter((other) => 'cause' in other.data && other.data.cause === data.cause) ?? [];
  if (sameCause.length > 1) wrong.push(`${what} has happened before`);
  const parent = things.get(thing?.parent ?? '');
  const cause = parent?.events.find((candidate) => candidate.id === data.cause);
  const fitting = type.endsWith('SoftDeleted') ? 'SoftDeleted' : 'Restored';
  if (!cause?.type.endsWith(fitting)) wrong.push(`${what} follows from no ${fitting} of its parent`);
  if (fitting === 'SoftDeleted' || cause === undefined) return wrong;

  const undone = undoneBy(parent, cause);
  const before = thing?.events
    .slice(0, -1)
    .findLast(({ type: earlier }) => /(Created|Restored|SoftDeleted)$/.test(earlier));
  if (before === undefined || !('cause' in before.data) || before.data.cause !== undone?.id) {
    wrong.push(`${what} does not undo what its parent's deletion did`);
  }
  return wrong;
}

/** What must not be left. */
function complaintsInTheEnd(
  things: ReadonlyMap<string, Thing>,
  thing: Thing,
  history: readonly Recorded[],
): readonly string[] {
  const parent = thing.parent === undefined ? undefined : things.get(thing.parent);
  const last = thing.events.at(-1);
  const what = `${last?.stream}, which ends with ${last?.type},`;
  const wrong: string[] = [];
  if (thing.isActive && parent && !parent.isActive) wrong.push(`${what} is active under a parent that is deleted`);
  const status = thing.events.findLast(({ type }) => /(Created|Restored|Refused|SoftDeleted)$/.test(type));
  if (status?.type.endsWith('SoftDeleted') && 'cause' in status.data && status.data.cause !== null) {
    const deletion = parent?.events.find(({ id }) => id === ('cause' in status.data ? status.data.cause : undefined));
    if (deletion && parent && restorationOf(parent, deletion)) wrong.push(`${what} was not given back`);
  }
  for (const refusal of thing.events.filter(({ type }) => type === 'GatewayRestorationRefused')) {
    if (!somebodyHad(history, thing, refusal)) wrong.push(`${what} was refused a device id that nobody had`);
  }
  return wrong;
}

function undoneBy(parent: Thing | undefined, restoration: Recorded): Recorded | undefined {
  return parent?.events.findLast(
    ({ type, revision }) => type.endsWith('SoftDeleted') && revision < restoration.revision,
  );
}

function restorationOf(parent: Thing, deletion: Recorded): Recorded | undefined {
  return parent.events.find(({ type, revision }) => type.endsWith('Restored') && revision > deletion.revision);
}

/** Whether another gateway was active under the device id at any time before the refusal, and after the gateway had lost it. */
function somebodyHad(history: readonly Recorded[], thing: Thing, refusal: Recorded): boolean {
  const things = new Map<string, Thing>();
  const lostAt = thing.events.findLast(
    ({ type, revision }) => type === 'GatewaySoftDeleted' && revision < refusal.revision,
  )?.position;
  // What it was refused: by now it may have another one.
  const wanted = 'gatewayId' in refusal.data ? refusal.data.gatewayId : undefined;
  const had = () =>
    [...things.values()].some(({ id, isActive, device }) => id !== thing.id && isActive && device === wanted);
  for (const event of history) {
    if (event.position.commit >= refusal.position.commit) return had();
    follow(things, event);
    if (lostAt !== undefined && event.position.commit >= lostAt.commit && had()) return true;
  }
  return false;
}
