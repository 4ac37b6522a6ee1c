import { describe, expect, it } from 'vitest';
import {
  aFactory,
  aGateway,
  anOrganization,
  anotherGateway,
  later,
  muchLater,
  now,
} from '../../test/support/examples.ts';
import { memoryLog } from '../../test/support/memory-log.ts';
import type { GatewayPresenceCommand } from '../domain/gateway-presence.ts';
import { UndecodableEvent } from '../events/codec.ts';
import { type EventLog, EventLogUnavailable } from '../events/event-log.ts';
import { nothingRecorded, readRecorded, recordChange } from './recorder.ts';

const gateway = { id: aGateway, factoryId: aFactory, organizationId: anOrganization };
const stream = `gatewayPresence-${aGateway}`;
const { signal: running } = new AbortController();
const connect: GatewayPresenceCommand = { type: 'ConnectGateway', gateway, lastSeenAt: now };
const disconnect: GatewayPresenceCommand = { type: 'DisconnectGateway', gateway, lastSeenAt: later };

describe('a change of presence', () => {
  it('is recorded in a stream of its own, of which the last event is kept', async () => {
    const log = memoryLog();
    const recorded = await recordChange(log, connect, nothingRecorded, new Date(now));
    expect(recorded).toEqual({ state: { status: 'online', lastSeenAt: now }, revision: 0n, since: Date.parse(now) });
    expect(await log.readLast(stream)).toMatchObject({
      type: 'GatewayConnected',
      data: { ...gateway, lastSeenAt: now },
      metadata: { actor: 'process:presence', occurredAt: now },
    });
    expect(await settings(log)).toEqual([{ $maxCount: 1 }]);
  });

  it('follows the one before', async () => {
    const log = memoryLog();
    const online = await recordChange(log, connect, nothingRecorded, new Date(now));
    const offline = await recordChange(log, disconnect, online, new Date(muchLater));
    expect(offline).toMatchObject({ state: { status: 'offline', lastSeenAt: later }, revision: 1n });
    expect(await typesIn(log)).toEqual(['GatewayConnected', 'GatewayDisconnected']);
    expect(await settings(log)).toHaveLength(1);
  });

  it('is none when somebody else has recorded it, whatever was known', async () => {
    const log = memoryLog();
    await recordChange(log, connect, nothingRecorded, new Date(now));
    const seen = await recordChange(log, connect, nothingRecorded, new Date(later));
    expect(seen).toEqual({ state: { status: 'online', lastSeenAt: now }, revision: 0n, since: Date.parse(now) });
    expect(await typesIn(log)).toEqual(['GatewayConnected']);
  });

  it('is none when somebody else has heard of the gateway since', async () => {
    const log = memoryLog();
    const online = await recordChange(log, connect, nothingRecorded, new Date(now));
    const offline = await recordChange(log, { ...disconnect, lastSeenAt: now }, online, new Date(later));
    await recordChange(log, { ...connect, lastSeenAt: muchLater }, offline, new Date(muchLater));
    const seen = await recordChange(log, disconnect, online, new Date(muchLater));
    expect(seen).toMatchObject({ state: { status: 'online', lastSeenAt: muchLater }, revision: 2n });
    expect(await typesIn(log)).toHaveLength(3);
  });

  it('is never before the one before it, whatever the clocks say', async () => {
    const log = memoryLog();
    const online = await recordChange(log, connect, nothingRecorded, new Date(muchLater));
    await recordChange(log, disconnect, online, new Date(now));
    expect((await log.readLast(stream))?.metadata).toMatchObject({ occurredAt: muchLater });
  });

  it('is not the first in a stream that was not told to keep its last event alone', async () => {
    const log = memoryLog();
    const append: EventLog['append'] = async (to, ...given) => {
      if (to.startsWith('$$')) throw new EventLogUnavailable('away');
      return log.append(to, ...given);
    };
    const recording = recordChange({ ...log, append }, connect, nothingRecorded, new Date(now));
    await expect(recording).rejects.toThrow(EventLogUnavailable);
    expect(await typesIn(log)).toEqual([]);
  });

  it('leaves other settings of the stream as they are', async () => {
    const log = memoryLog();
    const event = { id: 'an-id', type: '$metadata', data: { $maxAge: 60 }, metadata: {} };
    await log.append(`$$${stream}`, 'no_stream', [event]);
    await recordChange(log, connect, nothingRecorded, new Date(now));
    expect(await settings(log)).toEqual([{ $maxAge: 60 }, { $maxAge: 60, $maxCount: 1 }]);
  });

  it('is none when somebody else has recorded something else, and may be one after that', async () => {
    const log = memoryLog();
    const online = await recordChange(log, connect, nothingRecorded, new Date(now));
    await recordChange(log, disconnect, online, new Date(later));
    const again = { ...connect, lastSeenAt: muchLater };
    const offline = await recordChange(log, again, nothingRecorded, new Date(muchLater));
    expect(offline).toMatchObject({ state: { status: 'offline' }, revision: 1n, since: Date.parse(later) });
    expect(await typesIn(log)).toHaveLength(2);
    expect(await recordChange(log, again, offline, new Date(muchLater))).toMatchObject({ revision: 2n });
  });

  it('cannot be told where the stream holds what is none', async () => {
    const log = memoryLog();
    await log.append(stream, 'no_stream', [{ id: 'an-id', type: 'SomethingElse', data: {}, metadata: {} }]);
    await expect(recordChange(log, connect, nothingRecorded, new Date(now))).rejects.toThrow(UndecodableEvent);
  });
});

describe('what was recorded after a position', () => {
  it('is the last change of each gateway, without what cannot be read', async () => {
    const log = memoryLog();
    const online = await recordChange(log, connect, nothingRecorded, new Date(now));
    const shown = await positionOf(log);
    expect(await readRecorded(log, shown, running)).toEqual(new Map());
    await recordChange(log, disconnect, online, new Date(later));
    const other = { ...gateway, id: anotherGateway };
    const came = await recordChange(log, { ...connect, gateway: other }, nothingRecorded, new Date(muchLater));
    await log.append('gatewayPresence-spoiled', 'no_stream', [
      { id: 'an-id', type: 'SomethingElse', data: {}, metadata: {} },
    ]);
    const recorded = await readRecorded(log, shown, running);
    expect(recorded.get(aGateway)).toMatchObject({ state: { status: 'offline' }, revision: 1n });
    expect(recorded.get(anotherGateway)).toEqual(came);
    expect(recorded.size).toBe(2);
  });
});

async function positionOf(log: EventLog) {
  const last = await log.readLast(stream);
  if (last === undefined) throw new Error('nothing was recorded');
  return last.position;
}

async function typesIn(log: EventLog): Promise<readonly string[]> {
  return (await log.read(stream)).map(({ type }) => type);
}

async function settings(log: EventLog): Promise<readonly unknown[]> {
  return (await log.read(`$$${stream}`)).map(({ data }) => data);
}
