import { describe, expect, it } from 'vitest';
import { specificationOf } from '../../test/support/decider-specification.ts';
import {
  aFactory,
  aGateway,
  anOrganization,
  gatewayConnected,
  gatewayDisconnected,
  later,
  muchLater,
  now,
} from '../../test/support/examples.ts';
import { type GatewayPresenceCommand, gatewayPresenceDecider, isTimeout, timeoutOf } from './gateway-presence.ts';

const given = specificationOf(gatewayPresenceDecider);

const gateway = { id: aGateway, factoryId: aFactory, organizationId: anOrganization };
const connect = (lastSeenAt: string): GatewayPresenceCommand => ({ type: 'ConnectGateway', gateway, lastSeenAt });
const disconnect = (lastSeenAt: string): GatewayPresenceCommand => ({ type: 'DisconnectGateway', gateway, lastSeenAt });

describe('ConnectGateway', () => {
  it('records that a gateway is there that was never seen', () =>
    given()
      .when(connect(now))
      .then(gatewayConnected({ lastSeenAt: now })));

  it('records that a gateway is there again', () =>
    given(gatewayConnected(), gatewayDisconnected({ lastSeenAt: now }))
      .when(connect(later))
      .then(gatewayConnected({ lastSeenAt: later })));

  it('is ignored when the gateway is online', () => given(gatewayConnected()).when(connect(later)).thenNothing());

  it('does not take back what was seen, when the clock was put back since', () =>
    given(gatewayConnected(), gatewayDisconnected({ lastSeenAt: later }))
      .when(connect(now))
      .then(gatewayConnected({ lastSeenAt: later })));
});

describe('DisconnectGateway', () => {
  it('records that a gateway has fallen silent', () =>
    given(gatewayConnected({ lastSeenAt: now }))
      .when(disconnect(later))
      .then(gatewayDisconnected({ lastSeenAt: later })));

  it('may say that nothing was heard after it had come', () =>
    given(gatewayConnected({ lastSeenAt: now }))
      .when(disconnect(now))
      .then(gatewayDisconnected({ lastSeenAt: now })));

  it('is ignored when the gateway was never seen', () => given().when(disconnect(now)).thenNothing());

  it('is ignored when the gateway is offline', () =>
    given(gatewayConnected(), gatewayDisconnected()).when(disconnect(muchLater)).thenNothing());

  it('is ignored when somebody has heard of the gateway since', () =>
    given(gatewayConnected({ lastSeenAt: later }))
      .when(disconnect(now))
      .thenNothing());

  it('knows all that it needs from the last event alone', () =>
    given(gatewayDisconnected({ lastSeenAt: now }))
      .when(connect(later))
      .then(gatewayConnected({ lastSeenAt: later })));
});

describe('the timeout of a gateway', () => {
  it('is 90 seconds where its metadata does not say otherwise, or says what makes no sense', () => {
    for (const value of [undefined, null, '30', 0, -5, 0.5, 604_801, {}, Number.NaN]) {
      const metadata = value === undefined ? {} : { offline_after_seconds: value };
      expect(timeoutOf(metadata)).toBe(90_000);
      expect(isTimeout(value)).toBe(false);
    }
  });

  it('is what its metadata says, from a second to a week', () => {
    expect([1, 2.5, 604_800].map((offline_after_seconds) => timeoutOf({ offline_after_seconds }))).toEqual([
      1_000, 2_500, 604_800_000,
    ]);
  });
});
