// A message of the stream of events as what it says. Fields that are not known pass as they are.
import { type EventData, type EventParked, eventTypes, type JsonObject } from './contract.ts';
import type { EventOrigin, EventPlace, Kind, KnownEvent, RegistryEvent } from './event.ts';

/** A message as it is in the stream. */
export interface EventMessage {
  readonly subject: string;
  header(name: string): string | undefined;
  text(): string;
}

const kinds: ReadonlySet<string> = new Set<Kind>(['organization', 'factory', 'gateway']);
const known: ReadonlySet<string> = new Set(eventTypes);

/** The event in a message; undefined when it is none of the registry's. */
export function readEvent(message: EventMessage): RegistryEvent | undefined {
  const data = parseObject(message.text());
  const place = placeOf(message);
  const name = nameOf(message);
  if (data === undefined || place === undefined || name === undefined) return undefined;
  // The registry has written it by the same schema that the type was made of.
  if (name === 'event-parked') return { ...place, type: name, data: data as unknown as EventParked };
  const origin = originOf(message);
  if (origin === undefined) return undefined;
  if (!isKnown(name)) return { ...place, ...origin, type: 'unknown', name, data };
  return { ...place, ...origin, type: name, data } as unknown as KnownEvent;
}

/** `mti.evt.v1.<organization>.<factory or _>.<organization|factory|gateway>.<id>.<event>` */
function placeOf(message: EventMessage): EventPlace | undefined {
  const [, , , organizationId, factoryId, kind, subjectId] = message.subject.split('.');
  const id = message.header('ce-id');
  const revision = message.header('registry-revision') ?? '';
  const position = message.header('registry-position') ?? '';
  if (id === undefined || organizationId === undefined || factoryId === undefined || subjectId === undefined) return;
  if (!isKind(kind) || !/^\d+$/.test(revision) || !/^\d+$/.test(position)) return undefined;
  return {
    id,
    kind,
    subjectId,
    organizationId,
    factoryId: factoryId === '_' ? null : factoryId,
    // Messages of earlier versions name their stream by their subject alone.
    stream: message.header('registry-stream') ?? `${kind}-${subjectId}`,
    revision: Number(revision),
    position,
  };
}

function originOf(message: EventMessage): EventOrigin | undefined {
  const time = message.header('ce-time');
  const traceparent = message.header('traceparent');
  if (time === undefined) return undefined;
  return {
    time,
    schemaVersion: Number(message.header('registry-schema-version') ?? 1),
    correlationId: percentDecode(message.header('registry-correlation-id') ?? ''),
    causationId: percentDecode(message.header('registry-causation-id') ?? ''),
    ...(traceparent !== undefined && { traceparent: percentDecode(traceparent) }),
  };
}

/** `mti.evt.v1.gateway-created` → `gateway-created` */
function nameOf(message: EventMessage): string | undefined {
  return /^mti\.evt\.v1\.([\w-]+)$/.exec(message.header('ce-type') ?? '')?.[1];
}

function isKind(text: string | undefined): text is Kind {
  return text !== undefined && kinds.has(text);
}

function isKnown(name: string): name is keyof EventData {
  return known.has(name);
}

function percentDecode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // It is none of the registry's encoding: better as it came than not at all.
    return text;
  }
}

function parseObject(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : undefined;
  } catch {
    return undefined;
  }
}
