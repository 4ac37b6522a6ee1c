// The heartbeats of gateways, as docs/asyncapi.yaml has them.
import { heartbeatSubjects } from '../src/presence/heartbeats.ts';
import type { AsyncApiPart } from './asyncapi.ts';
import { gateway, messagesNamed, operationOn, organization, parametersOf } from './asyncapi-parts.ts';

/** What is told of gateways that are there. */
export function heartbeatsPart(): AsyncApiPart {
  const address = heartbeatSubjects.replace('*', organization).replace('*', gateway);
  const summary = 'The gateway is there, now: whoever holds the connection to it says so, every 30 seconds or so.';
  return {
    channels: {
      heartbeats: {
        address,
        title: 'Heartbeats',
        description:
          'No stream keeps them, and nothing is answered. The first one makes a gateway online, and tells of it in ' +
          '`GatewayConnected`; silence for 90 seconds, or for the `offline_after_seconds` in its metadata, makes it offline, ' +
          'told in `GatewayDisconnected`. The time is the one at which the registry hears it. Those of gateways that are ' +
          'deleted, or of another organization, are passed over.',
        messages: messagesNamed('Heartbeat'),
        parameters: parametersOf(address),
      },
    },
    operations: { hearHeartbeat: operationOn('heartbeats', 'receive', summary, 'Heartbeat') },
    messages: {
      Heartbeat: {
        title: 'Heartbeat',
        summary: `${summary} It is empty; what is in it is not looked at.`,
        examples: [{ name: 'heartbeat', headers: {} }],
      },
    },
    schemas: {},
  };
}
