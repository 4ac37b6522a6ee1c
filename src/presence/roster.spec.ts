import { describe, expect, it } from 'vitest';
import {
  aFactory,
  aGateway,
  anOrganization,
  anotherGateway,
  anotherOrganization,
} from '../../test/support/examples.ts';
import type { GatewayId } from '../events/ids.ts';
import type { Instant } from './instant.ts';
import { nothingRecorded } from './recorder.ts';
import { createRoster, type Known, type KnownPresence, type Roster } from './roster.ts';

const settings = { threshold: 60_000, debounce: 10_000 };
const start = Date.parse('2026-03-02T09:00:00Z');
const beat = { organization: anOrganization, gateway: aGateway };

/** So many seconds after the start, by both clocks. */
function at(seconds: number): Instant {
  return { day: start + seconds * 1_000, steady: 5_000_000 + seconds * 1_000 };
}

describe('a gateway that was never heard of', () => {
  it('is to be looked up', () => {
    const roster = createRoster(settings);
    roster.heard(beat, at(0));
    roster.heard(beat, at(1));
    expect(roster.unknown()).toEqual([aGateway]);
    expect(roster.arrived(at(1))).toEqual([]);
  });

  it('has come as soon as it is known, and is to be noted', () => {
    const roster = rosterOf(known());
    roster.heard(beat, at(0));
    roster.learn([known()]);
    expect(roster.unknown()).toEqual([]);
    expect(roster.due()).toEqual([{ id: aGateway, at: at(0).day }]);
    expect(roster.arrived(at(1))).toEqual([{ gateway: known(), lastSeen: at(0).day }]);
  });

  it('is looked up for a while, for the tables may not have it yet, then forgotten, and heard of anew', () => {
    const roster = createRoster(settings);
    roster.heard(beat, at(0));
    roster.forgetStrangers(at(9.9));
    expect(roster.unknown()).toEqual([aGateway]);
    roster.forgetStrangers(at(10));
    expect([roster.size, roster.unknown()]).toEqual([0, []]);
    roster.heard(beat, at(30));
    expect(roster.unknown()).toEqual([aGateway]);
  });

  it('comes though another organization speaks for it as well', () => {
    const roster = createRoster(settings);
    roster.heard(beat, at(0));
    roster.heard({ ...beat, organization: anotherOrganization }, at(0.5));
    roster.learn([known()]);
    expect(roster.arrived(at(1))).toMatchObject([{ lastSeen: at(0).day }]);
  });

  it('is passed over from when it is disregarded', () => {
    const roster = createRoster(settings);
    roster.heard(beat, at(0));
    roster.learn([known()]);
    roster.disregard(aGateway);
    roster.heard(beat, at(1));
    roster.learn([online()]);
    expect([roster.size, roster.arrived(at(2)), roster.departed(at(900), at(0))]).toEqual([0, [], []]);
  });

  it('does not count when it is deleted', () => {
    const roster = createRoster(settings);
    roster.heard(beat, at(0));
    roster.learn([known({ isActive: false })]);
    expect([roster.due(), roster.arrived(at(1))]).toEqual([[], []]);
    roster.forgetStrangers(at(10));
    expect(roster.size).toBe(0);
  });

  it('has come with that heartbeat when it was restored a moment before it', () => {
    const roster = createRoster(settings);
    roster.heard(beat, at(0));
    roster.learn([known({ isActive: false })]);
    roster.learn([known()]);
    expect(roster.arrived(at(2))).toMatchObject([{ lastSeen: at(0).day }]);
  });

  it('does not count when another organization speaks for it', () => {
    const roster = createRoster(settings);
    roster.heard({ ...beat, organization: anotherOrganization }, at(0));
    roster.learn([known()]);
    expect([roster.size, roster.due(), roster.arrived(at(1))]).toEqual([0, [], []]);
    expect(roster.forgetStrangers(at(1))).toEqual([{ ...beat, organization: anotherOrganization }]);
  });
});

describe('a gateway that is online', () => {
  it('has not come again', () => {
    const roster = rosterOf(online());
    roster.heard(beat, at(30));
    expect(roster.arrived(at(31))).toEqual([]);
  });

  it('is not heard when another organization speaks for it', () => {
    const roster = rosterOf(online({ timeout: 30_000 }));
    expect(roster.heard(beat, at(0))).toBe(true);
    expect(roster.heard({ ...beat, organization: anotherOrganization }, at(20))).toBe(false);
    expect(roster.departed(at(30), at(-100))).toMatchObject([{ lastSeen: at(0).day }]);
  });

  it('is noted when the stored time is older than the threshold, and not before', () => {
    const roster = rosterOf(online({ lastSeen: at(0).day }));
    roster.heard(beat, at(30));
    expect(roster.due()).toEqual([]);
    roster.heard(beat, at(60));
    expect(roster.due()).toEqual([{ id: aGateway, at: at(60).day }]);
    roster.noted(roster.due());
    roster.heard(beat, at(90));
    expect(roster.due()).toEqual([]);
  });

  it('is noted when it is heard of while others are noted, before it is asked who has come', () => {
    const roster = rosterOf(online({ lastSeen: at(0).day }));
    expect(roster.due()).toEqual([]);
    roster.heard(beat, at(60));
    expect(roster.arrived(at(61))).toEqual([]);
    expect(roster.due()).toEqual([{ id: aGateway, at: at(60).day }]);
  });

  it('is due until it is noted, be it passed over once', () => {
    const roster = rosterOf(online({ lastSeen: at(0).day }));
    roster.heard(beat, at(60));
    roster.noted([]);
    roster.arrived(at(61));
    expect(roster.due()).toEqual([{ id: aGateway, at: at(60).day }]);
    roster.noted(roster.due());
    expect(roster.due()).toEqual([]);
  });

  it('is behind in the tables by each heartbeat that is not noted, due or not', () => {
    const roster = rosterOf(online({ lastSeen: at(0).day }));
    expect(roster.unstored()).toEqual([]);
    roster.heard(beat, at(30));
    expect([roster.due(), roster.unstored()]).toEqual([[], [{ id: aGateway, at: at(30).day }]]);
    roster.noted(roster.unstored());
    expect(roster.unstored()).toEqual([]);
  });

  it('is silent after its timeout without a heartbeat, and was last seen at its last one', () => {
    const roster = rosterOf(online({ timeout: 30_000 }));
    roster.heard(beat, at(20));
    expect(roster.departed(at(49.9), at(0))).toEqual([]);
    expect(roster.departed(at(50), at(0))).toMatchObject([{ lastSeen: at(20).day }]);
  });

  it('is not silent before one timeout has passed since somebody listens', () => {
    const roster = rosterOf(online({ timeout: 30_000 }));
    expect(roster.departed(at(129), at(100))).toEqual([]);
    expect(roster.departed(at(130), at(100))).toMatchObject([{ lastSeen: at(-100).day }]);
  });

  it('is not silent because the clock of the day was put forward', () => {
    const roster = rosterOf(online({ timeout: 30_000 }));
    roster.heard(beat, at(20));
    expect(roster.departed({ day: at(9_000).day, steady: at(21).steady }, at(0))).toEqual([]);
  });

  it('is silent by another timeout when it has one', () => {
    const roster = rosterOf(online({ timeout: 30_000 }));
    roster.heard(beat, at(20));
    roster.learn([online({ timeout: 90_000 })]);
    expect(roster.departed(at(50), at(0))).toEqual([]);
    expect(roster.departed(at(110), at(0))).toHaveLength(1);
  });

  it('is found silent in time, however late the others are', () => {
    const another = { ...known().ids, id: anotherGateway };
    const roster = rosterOf(online({ timeout: 90_000 }), online({ ids: another, timeout: 300_000 }));
    roster.heard(beat, at(0));
    roster.heard({ ...beat, gateway: another.id }, at(0));
    expect(roster.departed(at(1), at(0))).toEqual([]);
    roster.heard(beat, at(30));
    expect(roster.departed(at(119.9), at(0))).toEqual([]);
    expect(roster.departed(at(120), at(0)).map(idOf)).toEqual([aGateway]);
    expect(roster.departed(at(300), at(0)).map(idOf)).toEqual([aGateway, another.id]);
  });

  it('is found silent by a timeout that has become shorter since it was looked at', () => {
    const roster = rosterOf(online({ timeout: 300_000 }));
    expect(roster.departed(at(1), at(0))).toEqual([]);
    roster.learn([online({ timeout: 90_000 })]);
    expect(roster.departed(at(90), at(0)).map(idOf)).toEqual([aGateway]);
  });

  it('is found silent after it has come while nobody was', () => {
    const roster = rosterOf(known({ timeout: 30_000 }));
    roster.heard(beat, at(0));
    roster.learn([known({ timeout: 30_000 })]);
    expect(roster.departed(at(1), at(0))).toEqual([]);
    roster.changed(aGateway, presence('online', 0n, at(1)));
    expect(roster.departed(at(29.9), at(0))).toEqual([]);
    expect(roster.departed(at(30), at(0)).map(idOf)).toEqual([aGateway]);
  });

  it('is not heard any more once it is deleted, and falls silent', () => {
    const roster = rosterOf(online({ timeout: 30_000 }));
    roster.heard(beat, at(20));
    roster.learn([online({ timeout: 30_000, isActive: false })]);
    roster.heard(beat, at(40));
    expect(roster.due()).toEqual([{ id: aGateway, at: at(20).day }]);
    expect(roster.departed(at(50), at(0))).toMatchObject([{ lastSeen: at(20).day }]);
  });

  it('stays so when it was deleted for a moment, and was heard all the time', () => {
    const roster = rosterOf(online());
    roster.heard(beat, at(0));
    roster.learn([online({ isActive: false })]);
    roster.heard(beat, at(30));
    roster.heard(beat, at(60));
    roster.learn([online()]);
    expect(roster.departed(at(90), at(-1_000))).toEqual([]);
    expect(roster.departed(at(150), at(-1_000))).toMatchObject([{ lastSeen: at(60).day }]);
  });

  it('has come again when the log turns out to call it offline, and it is heard', () => {
    const roster = rosterOf(online());
    roster.heard(beat, at(30));
    expect(roster.arrived(at(31))).toEqual([]);
    roster.learn([known({ presence: offline(at(0)) })]);
    expect(roster.arrived(at(32))).toMatchObject([{ lastSeen: at(30).day }]);
  });

  it('is forgotten once it is offline', () => {
    const roster = rosterOf(online());
    roster.changed(aGateway, offline(at(100)));
    expect([roster.size, roster.online()]).toEqual([0, []]);
  });

  it('is not online again because the tables are behind, and comes when it is heard of', () => {
    const roster = rosterOf(online());
    roster.changed(aGateway, offline(at(100)));
    roster.learn([online()]);
    expect([roster.size, roster.online()]).toEqual([0, []]);
    roster.heard(beat, at(120));
    roster.learn([online()]);
    expect(roster.arrived(at(121))).toMatchObject([{ gateway: { presence: offline(at(100)) } }]);
    roster.learn([online({ presence: presence('online', 6n, at(122)) })]);
    expect(roster.online()).toEqual([aGateway]);
  });

  it('has gone when that was recorded, whatever the tables say, and is silent in time when they have not heard of it', () => {
    const roster = createRoster(settings);
    roster.recorded(aGateway, offline(at(0)));
    roster.recorded(anotherGateway, presence('online', 0n, at(0)));
    const another = { ...known().ids, id: anotherGateway };
    roster.learn([online(), known({ ids: another })]);
    expect(roster.online()).toEqual([anotherGateway]);
    expect(roster.departed(at(90), at(0)).map(idOf)).toEqual([anotherGateway]);
    roster.heard(beat, at(20));
    roster.learn([online()]);
    expect(roster.arrived(at(21)).map(idOf)).toEqual([aGateway]);
  });

  it('stays so for tables that are behind', () => {
    const roster = rosterOf(known());
    roster.heard(beat, at(0));
    roster.learn([known()]);
    roster.changed(aGateway, presence('online', 0n, at(1)));
    roster.learn([known()]);
    expect(roster.online()).toEqual([aGateway]);
    roster.learn([online({ presence: presence('offline', 1n, at(2)) })]);
    expect(roster.online()).toEqual([]);
  });
});

describe('two changes of one gateway', () => {
  it('lie apart: who comes right after its silence was recorded has come a while later', () => {
    const roster = rosterOf(known({ presence: offline(at(0)) }));
    roster.heard(beat, at(2));
    roster.learn([known({ presence: offline(at(0)) })]);
    expect(roster.arrived(at(2))).toEqual([]);
    expect(roster.arrived(at(9.9))).toEqual([]);
    expect(roster.arrived(at(10))).toMatchObject([{ lastSeen: at(2).day }]);
  });

  it('are none when it has gone again meanwhile', () => {
    const known2 = known({ presence: offline(at(0)), timeout: 5_000 });
    const roster = rosterOf(known2);
    roster.heard(beat, at(2));
    roster.learn([known2]);
    expect(roster.arrived(at(10))).toEqual([]);
    expect(roster.size).toBe(0);
  });

  it('lie apart: who falls silent right after it has come is silent a while later', () => {
    const roster = rosterOf(online({ timeout: 1_000, presence: presence('online', 4n, at(0)) }));
    roster.heard(beat, at(1));
    expect(roster.departed(at(9.9), at(0))).toEqual([]);
    expect(roster.departed(at(10), at(0))).toHaveLength(1);
  });

  it('are both told when a heartbeat came while the silence was recorded', () => {
    const roster = rosterOf(online({ timeout: 30_000 }));
    expect(roster.departed(at(30), at(0))).toHaveLength(1);
    roster.heard(beat, at(30.5));
    roster.changed(aGateway, offline(at(31)));
    expect(roster.arrived(at(40.9))).toEqual([]);
    expect(roster.arrived(at(41))).toMatchObject([{ lastSeen: at(30.5).day }]);
  });
});

it('tells each gateway apart', () => {
  const other = known({ ids: { ...known().ids, id: anotherGateway } });
  const roster = createRoster(settings);
  for (const gateway of [aGateway, anotherGateway]) roster.heard({ organization: anOrganization, gateway }, at(0));
  roster.learn([known(), other]);
  roster.changed(aGateway, presence('online', 0n, at(0)));
  expect(roster.arrived(at(1)).map(idOf)).toEqual([anotherGateway]);
  expect(roster.departed(at(90), at(0)).map(idOf)).toEqual([aGateway]);
});

function idOf({ gateway }: { readonly gateway: Known }): GatewayId {
  return gateway.ids.id;
}

function rosterOf(...gateways: readonly Known[]): Roster {
  const roster = createRoster(settings);
  roster.learn(gateways);
  return roster;
}

function known(fields: Partial<Known> = {}): Known {
  return {
    ids: { id: aGateway, factoryId: aFactory, organizationId: anOrganization },
    isActive: true,
    timeout: 90_000,
    lastSeen: undefined,
    presence: nothingRecorded,
    ...fields,
  };
}

function online(fields: Partial<Known> = {}): Known {
  return known({ presence: presence('online', 4n, at(-100)), ...fields });
}

function offline(since: Instant): KnownPresence {
  return presence('offline', 5n, since);
}

function presence(status: 'online' | 'offline', revision: bigint, since: Instant): KnownPresence {
  return { state: { status, lastSeenAt: new Date(since.day).toISOString() }, revision, since: since.day };
}
