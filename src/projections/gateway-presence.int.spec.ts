import { describe, it } from 'vitest';
import { aGateway, gatewayConnected, gatewayDisconnected, later, now } from '../../test/support/examples.ts';
import { projectionSpecification } from '../../test/support/projection-specification.ts';

const { given } = projectionSpecification('gateway_presence', 'id');

const online = {
  id: aGateway,
  status: 'online',
  since: '2026-01-02T03:04:05.678Z',
  last_seen_at: now,
  stream_revision: 0n,
};

describe('the projection of the presence of gateways', () => {
  it('makes a row of the first event, though the gateway is not known', () =>
    given().when(gatewayConnected()).thenRows(online));

  it('makes a row of GatewayDisconnected as well, for only the last event of a stream is kept', () =>
    given()
      .when(gatewayDisconnected())
      .thenRows({ ...online, status: 'offline', last_seen_at: later }));

  it('tells since when it is so', () =>
    given(gatewayConnected())
      .when(gatewayDisconnected(), gatewayConnected({ lastSeenAt: later }), gatewayDisconnected())
      .thenRows({
        ...online,
        status: 'offline',
        since: '2026-01-02T03:04:08.678Z',
        last_seen_at: later,
        stream_revision: 3n,
      }));
});
