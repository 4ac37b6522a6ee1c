import { describe, expect, it } from 'vitest';
import type { RegistryEvent } from '../../src/events/catalogue.ts';
import { gatewayConnected, gatewayDisconnected, now, stored } from '../support/examples.ts';
import { type Beats, complaintsAbout, type Span } from './presence-judge.ts';

const rules = { timeout: 2_000, debounce: 1_000, slack: 300 };
const start = Date.parse(now);

describe('the judge of presence', () => {
  it('has nothing against changes that go by heartbeats', () => {
    const events = [connected(0, 100), disconnected(0, 2_100), connected(5_000, 5_050)];
    expect(complaintsAbout(events.map(numbered), [start, start + 5_000], [], rules)).toEqual([]);
  });

  it('has nothing against the silence of a gateway of which nobody could hear', () => {
    const events = [connected(0, 100), disconnected(0, 9_000)];
    expect(complaintsAbout(events.map(numbered), [start, start + 6_000], [], rules)).toEqual([]);
  });

  it.each([
    ['a change twice', [connected(0, 100), connected(0, 2_000)], 'is no change'],
    ['a beginning with the end', [disconnected(0, 2_100)], 'is no change'],
    ['a pair that is too close', [connected(0, 100), disconnected(0, 1_000)], 'follows too soon'],
    ['a gateway that comes without a heartbeat', [connected(-1, 100)], 'goes by no heartbeat'],
    [
      'a gateway that was heard and is called silent',
      [connected(0, 100), disconnected(0, 3_500)],
      'heartbeats were sent',
    ],
  ])('finds %s', (_, events, complaint) => {
    const found = complaintsAbout(events.map(numbered), [start, start + 2_500], [], rules);
    expect(found).toContainEqual(expect.stringContaining(complaint));
  });

  it('finds an event that is missing', () => {
    const [first, , third] = [connected(0, 100), disconnected(0, 2_100), connected(5_000, 5_100)].map(numbered);
    if (first === undefined || third === undefined) throw new Error('three were made');
    const found = complaintsAbout([first, third], [start, start + 5_000], [], rules);
    expect(found).toEqual([
      expect.stringContaining('is no change'),
      expect.stringContaining('should be at revision 1'),
    ]);
  });

  it('finds a gateway that beat for long, and did not come', () => {
    expect(complaintsAbout([], beatingFor(3_300), [], rules)).toEqual([
      `it was offline from ${start} to ${start + 3_300}, though heartbeats were sent, and nothing was down`,
    ]);
  });

  it('has nothing against a gateway that has not yet come, as it has not beaten for long', () => {
    expect(complaintsAbout([], beatingFor(3_200), [], rules)).toEqual([]);
  });

  it('finds a gateway that went on beating, and did not come back', () => {
    const events = [connected(0, 100), disconnected(0, 2_100)].map(numbered);
    const beats = [start, ...beatingFor(3_300).map((sent) => sent + 2_200)];
    expect(complaintsAbout(events, beats, [], rules)).toEqual([expect.stringContaining('it was offline')]);
    const back = numbered(connected(2_200, 5_400), 2);
    expect(complaintsAbout([...events, back], beats, [], rules)).toEqual([]);
  });

  it('has nothing against the absence of a gateway that pauses for about its timeout', () => {
    const beats = [...beatingFor(2_000), ...beatingFor(2_000).map((sent) => sent + 3_700)];
    expect(complaintsAbout([], beats, [], rules)).toEqual([]);
    const quicker = [...beatingFor(2_000), ...beatingFor(2_000).map((sent) => sent + 3_600)];
    expect(complaintsAbout([], quicker, [], rules)).toEqual([expect.stringContaining('it was offline')]);
  });

  it('has nothing against absence while something was down, and for so long afterwards as one may take to come', () => {
    const beats = beatingFor(9_000);
    const troubles: Span[] = [
      [start + 5_600, start + 5_800],
      [start + 3_200, start + 5_700],
    ];
    expect(complaintsAbout([], beats, troubles, rules)).toEqual([]);
  });

  it.each([
    ['before something was down', [3_300, 9_000]],
    ['after something was down', [0, 5_700]],
  ] as const)('finds a gateway that did not come %s', (_, [from, until]) => {
    const found = complaintsAbout([], beatingFor(9_000), [[start + from, start + until]], rules);
    expect(found).toEqual([expect.stringContaining('it was offline')]);
  });
});

/** A heartbeat each 100 ms, the last one after so many milliseconds. */
function beatingFor(milliseconds: number): Beats {
  return Array.from({ length: milliseconds / 100 + 1 }, (_, index) => start + index * 100);
}

interface Told {
  readonly event: RegistryEvent;
  readonly at: number;
}

function connected(lastSeen: number, at: number): Told {
  return { event: gatewayConnected({ lastSeenAt: timeAt(lastSeen) }), at };
}

function disconnected(lastSeen: number, at: number): Told {
  return { event: gatewayDisconnected({ lastSeenAt: timeAt(lastSeen) }), at };
}

function numbered({ event, at }: Told, revision: number) {
  return stored(event, { revision: BigInt(revision), occurredAt: timeAt(at) });
}

function timeAt(milliseconds: number): string {
  return new Date(start + milliseconds).toISOString();
}
