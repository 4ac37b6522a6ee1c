import { describe, expect, it } from 'vitest';
import type { RegistryEvent } from '../../src/events/catalogue.ts';
import { gatewayConnected, gatewayDisconnected, now, stored } from '../support/examples.ts';
import { complaintsAbout } from './presence-judge.ts';

const rules = { timeout: 2_000, debounce: 1_000, slack: 300 };
const start = Date.parse(now);

describe('the judge of presence', () => {
  it('has nothing against changes that go by heartbeats', () => {
    const events = [connected(0, 100), disconnected(0, 2_100), connected(5_000, 5_050)];
    expect(complaintsAbout(events.map(numbered), [start, start + 5_000], rules)).toEqual([]);
  });

  it('has nothing against the silence of a gateway of which nobody could hear', () => {
    const events = [connected(0, 100), disconnected(0, 9_000)];
    expect(complaintsAbout(events.map(numbered), [start, start + 6_000], rules)).toEqual([]);
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
    const found = complaintsAbout(events.map(numbered), [start, start + 2_500], rules);
    expect(found).toContainEqual(expect.stringContaining(complaint));
  });

  it('finds an event that is missing', () => {
    const [first, , third] = [connected(0, 100), disconnected(0, 2_100), connected(5_000, 5_100)].map(numbered);
    if (first === undefined || third === undefined) throw new Error('three were made');
    const found = complaintsAbout([first, third], [start, start + 5_000], rules);
    expect(found).toEqual([
      expect.stringContaining('is no change'),
      expect.stringContaining('should be at revision 1'),
    ]);
  });
});

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
