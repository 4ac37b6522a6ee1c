// The log of the event store on plain arrays: it keeps nothing when its process ends. Served over gRPC in the place of
// the file it shows what gRPC alone costs, which is the limit of what a file can do.

import type { Log, Page, Range, WriteEvent } from '../embedded/event-store/log.ts';
import { noRevision, type RecordedEvent } from '../embedded/event-store/records.ts';

const bytesPerPage = 1024 * 1024;
const recordOverhead = 64n;

/** An empty log that answers as `openLog` does. */
export function openMemoryLog(): Log {
  const all: RecordedEvent[] = [];
  const streams = new Map<string, RecordedEvent[]>();

  function head(): bigint {
    return all.at(-1)?.position ?? 0n;
  }

  const write: WriteEvent = (stream, revision, event, createdTicks) => {
    const size = stream.length + event.type.length + event.data.length + event.metadata.length;
    const { id, type, isJson, data, metadata } = event;
    const position = head() + recordOverhead + BigInt(size);
    const recorded = { position, stream, revision, id, type, isJson, createdTicks, data, metadata };
    const events = streams.get(stream);
    if ((events?.at(-1)?.revision ?? noRevision) >= revision) throw new Error(`${stream} has revision ${revision}`);
    if (events) events.push(recorded);
    else streams.set(stream, [recorded]);
    all.push(recorded);
    return recorded;
  };

  function transact(work: (write: WriteEvent) => void): void {
    const before = all.length;
    try {
      work(write);
    } catch (error) {
      while (all.length > before) takeBack(all.pop());
      throw error;
    }
  }

  function takeBack(event: RecordedEvent | undefined): void {
    if (!event) return;
    const events = streams.get(event.stream);
    events?.pop();
    if (events?.length === 0) streams.delete(event.stream);
  }

  function eventAt(stream: string, revision: bigint): RecordedEvent | undefined {
    const events = streams.get(stream) ?? [];
    const event = events[firstAtLeast(events, revision, revisionOf)];
    return event?.revision === revision ? event : undefined;
  }

  return {
    head,
    hasPosition: (position) => all[firstAtLeast(all, position, positionOf)]?.position === position,
    lastRevision: (stream) => streams.get(stream)?.at(-1)?.revision ?? noRevision,
    lastEvent: (stream) => streams.get(stream)?.at(-1),
    eventAt,
    idAt: (stream, revision) => eventAt(stream, revision)?.id,
    streamForwards: (stream, range, limit) => page(inRange(streams.get(stream) ?? [], range), 0, 1, limit),
    streamBackwards(stream, range, limit) {
      const events = inRange(streams.get(stream) ?? [], range);
      return page(events, events.length - 1, -1, limit);
    },
    allForwards: (after, limit) => page(all, firstAtLeast(all, after + 1n, positionOf), 1, limit),
    allBackwards: (before, limit) => page(all, firstAtLeast(all, before, positionOf) - 1, -1, limit),
    transact,
    close() {
      all.length = 0;
      streams.clear();
    },
  };
}

const positionOf = (event: RecordedEvent) => event.position;
const revisionOf = (event: RecordedEvent) => event.revision;

/** Where the first event is whose key is at least that; the length when there is none. */
function firstAtLeast(events: readonly RecordedEvent[], key: bigint, keyOf: (event: RecordedEvent) => bigint): number {
  let from = 0;
  let to = events.length;
  while (from < to) {
    const middle = (from + to) >>> 1;
    if (keyOf(events[middle] as RecordedEvent) < key) from = middle + 1;
    else to = middle;
  }
  return from;
}

function inRange(events: readonly RecordedEvent[], { from, to, createdSince }: Range): readonly RecordedEvent[] {
  const range = events.slice(firstAtLeast(events, from, revisionOf), firstAtLeast(events, to + 1n, revisionOf));
  return createdSince === 0n ? range : range.filter(({ createdTicks }) => createdTicks >= createdSince);
}

function page(source: readonly RecordedEvent[], start: number, step: 1 | -1, limit: number): Page {
  const events: RecordedEvent[] = [];
  let bytes = 0;
  for (let index = start; ; index += step) {
    const event = source[index];
    if (!event) return { events, isLast: true };
    if (events.length === limit || bytes >= bytesPerPage) return { events, isLast: false };
    events.push(event);
    bytes += event.data.length + event.metadata.length;
  }
}
