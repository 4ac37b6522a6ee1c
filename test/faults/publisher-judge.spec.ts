import { describe, expect, it } from 'vitest';
import { decode } from '../../src/events/codec.ts';
import { toMessage } from '../../src/publishing/message.ts';
import {
  aPasswordEncrypted,
  factoryCreated,
  gatewayCreated,
  gatewayPasswordChanged,
  gatewayUpdated,
  organizationCreated,
  storedInOrder,
} from '../support/examples.ts';
import type { ReadMessage } from '../support/nats-client.ts';
import { complaints } from './publisher-judge.ts';

const events = storedInOrder(
  organizationCreated(),
  factoryCreated(),
  gatewayCreated(),
  gatewayUpdated({ name: 'New' }),
  gatewayPasswordChanged(),
);
const right: readonly ReadMessage[] = events.map((event, index) => {
  const decoded = decode(event);
  const message = decoded && toMessage(decoded);
  if (message === undefined) throw new Error(`${event.type} is published`);
  return { ...message, sequence: index + 1 };
});

describe('the stream', () => {
  it('is right when it is the log', () => {
    expect(complaints(events, right)).toEqual([]);
  });

  it('is wrong when an event is missing, doubled, or in the wrong place', () => {
    const [first, second, ...rest] = right as readonly [ReadMessage, ReadMessage, ...ReadMessage[]];
    expect(complaints(events, right.slice(0, 4))).toEqual([`GatewayPasswordChanged ${events[4]?.id} is missing`]);
    expect(complaints(events, renumbered([first, first, second, ...rest]))).toContainEqual(
      expect.stringMatching(/^message 6 .* is one too many$/),
    );
    expect(complaints(events, renumbered([second, first, ...rest]))).toContainEqual(
      expect.stringMatching(/^message 1 .*: Nats-Msg-Id is /),
    );
    expect(complaints(events, right.toSpliced(1, 1))).toContainEqual(
      expect.stringContaining('sequence is 3 and not 2'),
    );
  });

  it.each([
    ['a field', { name: 'Old' }, 'name is not "New"'],
    ['a field too many', { serial: 7 }, 'serial is not undefined'],
    ['a version of a password that was not set', { credential_version: 3 }, 'credential_version is 3, not undefined'],
  ])('is wrong when a body has %s', (_, change, complaint) => {
    expect(complaints(events, withBody(3, change))).toEqual([expect.stringContaining(complaint)]);
  });

  it('is wrong when it gives a password away', () => {
    const [complaint] = complaints(events, withBody(2, { model: aPasswordEncrypted })).slice(-1);
    expect(complaint).toContain('gives a password away');
  });
});

function renumbered(messages: readonly ReadMessage[]): readonly ReadMessage[] {
  return messages.map((message, index) => ({ ...message, sequence: index + 1 }));
}

function withBody(index: number, change: object): readonly ReadMessage[] {
  return right.map((message, at) =>
    at === index ? { ...message, body: JSON.stringify({ ...JSON.parse(message.body), ...change }) } : message,
  );
}
