import { describe, expect, it } from 'vitest';
import { decode, type Recorded } from '../../src/events/codec.ts';
import {
  aGateway,
  factoryCreated,
  factorySoftDeleted,
  gatewayConnected,
  gatewayCreated,
  gatewayIdReservationAbandoned,
  gatewayPasswordChanged,
  gatewayUpdated,
  organizationCreated,
  storedInOrder,
} from '../support/examples.ts';
import type { Audit, Move, Write } from './audit.ts';
import { differences, irregularities, type Row, rowsAfter } from './judge.ts';

const events = storedInOrder(
  organizationCreated(),
  factoryCreated(),
  gatewayCreated(),
  gatewayUpdated({ name: 'New' }),
  gatewayPasswordChanged(),
  factorySoftDeleted(),
  gatewayConnected(),
).map((event) => decode(event) as Recorded);
const gateway = `gateways ${aGateway}`;

describe('the tables', () => {
  it('are right when they hold what the events say', () => {
    expect(differences(events, rowsAfter(events))).toEqual([]);
    expect(rowsAfter(events).get(gateway)).toMatchObject({ name: 'New', deleted_at: null, stream_revision: 2n });
  });

  it('are wrong when a row is behind, missing, or made by nobody', () => {
    const late = rowsAfter(events.slice(0, 4));
    expect(differences(events, late)).toContainEqual(expect.stringMatching(/^gateways .*: stream_revision is "1" and/));
    expect(differences(events, late)).toContainEqual(expect.stringMatching(/^factories .*: deleted_at is null and/));
    expect(differences(events, rowsAfter(events.slice(0, 2)))).toContainEqual(`${gateway} is not there`);
    expect(differences(events.slice(0, 2), late)).toEqual([`${gateway} is there, and no event made it`]);
  });

  it('are wrong when one column is', () => {
    const rows = new Map(rowsAfter(events)).set(gateway, { ...(rowsAfter(events).get(gateway) as Row), model: null });
    expect(differences(events, rows)).toEqual([`${gateway}: model is null and not "SG-200"`]);
  });

  it('are wrong when a gateway is there of which nobody has heard, or is not', () => {
    const presence = `gateway_presence ${aGateway}`;
    expect(differences(events, rowsAfter(events.slice(0, -1)))).toEqual([`${presence} is not there`]);
    const gone = { ...(rowsAfter(events).get(presence) as Row), status: 'offline' };
    expect(differences(events, new Map(rowsAfter(events)).set(presence, gone))).toEqual([
      `${presence}: status is "offline" and not "online"`,
    ]);
  });
});

describe('the history', () => {
  const takeover = moved('1', [0n, undefined], [1n, undefined]);
  const first = moved('2', [1n, undefined], [1n, 300n]);
  const second = moved('3', [1n, 300n], [1n, 600n]);
  const [organization, factory] = [events[0]?.data.id ?? '', events[1]?.data.id ?? ''];
  const writes: readonly Write[] = [
    written('2', 'organizations', organization, undefined, 0n),
    written('2', 'factories', factory, undefined, 0n),
    written('2', 'gateways', aGateway, undefined, 0n),
    written('3', 'gateways', aGateway, 0n, 2n),
    written('3', 'factories', factory, 0n, 1n),
  ];
  const right: Audit = { moves: [takeover, first, second], writes };

  it('is right when each transaction wrote what the events say that it passed', () => {
    expect(irregularities(events, right)).toEqual([]);
  });

  it('may begin with an attempt to create a gateway that was fenced off', () => {
    const [abandoned] = storedInOrder(gatewayIdReservationAbandoned()).map((event) => decode(event) as Recorded);
    const moves = [takeover, moved('2', [1n, undefined], [1n, 100n])];
    expect(irregularities([abandoned as Recorded], { moves, writes: [] })).toEqual([]);
  });

  it.each<[string, Audit, RegExp]>([
    ['an event was passed over', { ...right, writes: writes.slice(0, -1) }, /wrote revision undefined of factories/],
    ['a row was written in two steps', { ...right, writes: changed(3, { transaction: '2' }) }, /where its events end/],
    ['a row shows an event twice', { ...right, writes: [...writes, ...writes.slice(-1)] }, /from revision 0 to 1/],
    ['a row was removed', { ...right, writes: changed(4, { operation: 'DELETE', revision: undefined }) }, /DELETE/],
    ['rows came without the checkpoint', { ...right, writes: changed(4, { transaction: '9' }) }, /moved no checkpoint/],
    ['the checkpoint came without rows', { ...right, writes: [] }, /wrote revision undefined of organizations/],
    [
      'the checkpoint went back',
      { ...right, moves: [...right.moves, moved('4', [1n, 600n], [1n, 300n])] },
      /moved the/,
    ],
    ['an old epoch wrote', { ...right, moves: [...right.moves, moved('4', [0n, 600n], [0n, 700n])] }, /moved the/],
    ['moves are missing', { ...right, moves: [takeover, second] }, /moved the checkpoint from/],
  ])('is wrong when %s', (_, audit, finding) => {
    expect(irregularities(events, audit)).toContainEqual(expect.stringMatching(finding));
  });

  function changed(index: number, change: Partial<Write>): readonly Write[] {
    return writes.map((write, place) => (place === index ? { ...write, ...change } : write));
  }
});

type Standing = readonly [epoch: bigint, commit: bigint | undefined];

function moved(transaction: string, before: Standing, after: Standing): Move {
  const at = ([epoch, commit]: Standing) => ({
    epoch,
    position: commit === undefined ? undefined : { commit, prepare: commit },
  });
  return { transaction, before: at(before), after: at(after) };
}

function written(transaction: string, table: string, id: string, before: bigint | undefined, revision: bigint): Write {
  return { transaction, table, operation: before === undefined ? 'INSERT' : 'UPDATE', id, before, revision };
}
