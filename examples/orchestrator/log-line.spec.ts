import { describe, expect, it } from 'vitest';
import { aGateway } from './examples.ts';
import { readingLine, transitionLine } from './log-line.ts';

describe('a line of the log', () => {
  it('says what has become of a connection, and why', () => {
    expect(transitionLine({ gateway: aGateway, from: 'logging-in', to: 'connected' })).toBe(
      'GW-1: logging in → connected',
    );
    const failed = {
      gateway: aGateway,
      from: 'connected',
      to: 'backing-off',
      reason: 'it says nothing any more',
    } as const;
    expect(transitionLine(failed)).toBe('GW-1: connected → waits before it is tried again (it says nothing any more)');
  });

  it('says what was measured', () => {
    const reading = { sensor: 'hall', value: 21.5, unit: '°C', at: '2026-03-02T09:10:00Z' };
    expect(readingLine(aGateway, reading)).toBe('GW-1: hall is 21.5 °C');
  });

  it('is one line, whatever a device calls itself', () => {
    const gateway = { ...aGateway, gateway_id: 'GW\n1\u2028\u001b[2J\u202e' };
    expect(transitionLine({ gateway, from: 'waiting', to: 'closed' })).toBe(
      'GW\u{fffd}1\u{fffd}\u{fffd}[2J\u{fffd}: waits for the password → closed',
    );
  });
});
