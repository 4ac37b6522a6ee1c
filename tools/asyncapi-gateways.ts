// The key-value bucket of active gateways, as docs/asyncapi.yaml has it.
import type { Recorded } from '../src/events/codec.ts';
import type { GatewayEvent } from '../src/events/gateway.ts';
import type { SchemaWriter } from '../src/http/json-schema.ts';
import type { Message } from '../src/publishing/bus.ts';
import { messageIdHeader } from '../src/publishing/message.ts';
import { GatewayParked, GatewayState } from '../src/publishing/mirror-content.ts';
import type { Around } from '../src/publishing/mirror-memory.ts';
import {
  bucket,
  type Change,
  changesOf,
  messagesOf,
  parkedHeader,
  subjectOf,
} from '../src/publishing/mirror-message.ts';
import { foldMirrored } from '../src/publishing/mirror-state.ts';
import type { AsyncApiPart } from './asyncapi.ts';
import { fences, headersSchema, placeHeaders, preparePosition } from './asyncapi-headers.ts';
import {
  componentSchema,
  exampleOf,
  factory,
  gateway,
  messagesNamed,
  operationOn,
  organization,
  parametersOf,
} from './asyncapi-parts.ts';
import { goldenEvent } from './golden.ts';

const address = subjectOf(`${organization}.${factory}.${gateway}`);

const description = `The current state of each active gateway in the key-value bucket \`gateways\`, which is the JetStream stream
\`${bucket.name}\`, under the key \`<organization>.<factory>.<gateway>\`. A watch tells what there is, then what changes.

A gateway that moves is put under its new key before the old one is purged: a purge says that the key is gone, not that the
gateway is. Of two values of one gateway the one with the greater \`revision\` is newer.`;

/** The bucket: what is put under a key, and keys that go. */
export function gatewaysPart(schemas: SchemaWriter): AsyncApiPart {
  const { put, purge, parked } = exampleMessages();
  return {
    channels: {
      gatewayState: {
        address,
        title: 'The bucket `gateways`',
        description,
        messages: messagesNamed('GatewayStatePut', 'GatewayStatePurged', 'GatewayStateParked'),
        parameters: parametersOf(address),
      },
    },
    operations: {
      putGatewayState: operationOn('gatewayState', 'send', 'Says how a gateway is now.', 'GatewayStatePut'),
      purgeGatewayState: operationOn('gatewayState', 'send', 'Takes a key out.', 'GatewayStatePurged'),
      parkGatewayState: operationOn(
        'gatewayState',
        'send',
        'Says that a gateway cannot be shown.',
        'GatewayStateParked',
      ),
    },
    messages: {
      GatewayStatePut: {
        title: 'A value under a key',
        summary: 'A gateway as it is now, all of it.',
        contentType: 'application/json',
        headers: componentSchema('GatewayStateHeaders'),
        payload: componentSchema('GatewayState'),
        examples: [exampleOf(put)],
      },
      GatewayStatePurged: {
        title: 'A key that has gone',
        summary: 'Under this key there is no gateway any more: it was deleted, or has moved. There is no body.',
        headers: {
          type: 'object',
          allOf: [componentSchema('GatewayStateHeaders')],
          required: ['KV-Operation'],
          properties: { 'KV-Operation': { type: 'string', const: 'PURGE' } },
        },
        examples: [exampleOf(purge)],
      },
      GatewayStateParked: {
        title: 'A gateway that cannot be shown',
        summary:
          'A purge with a body: there is a gateway, how it is now cannot be said here; ask for it over REST. When it can be said ' +
          'again, a value comes.',
        contentType: 'application/json',
        headers: {
          type: 'object',
          allOf: [componentSchema('GatewayStateHeaders')],
          required: ['KV-Operation', parkedHeader],
          properties: {
            'KV-Operation': { type: 'string', const: 'PURGE' },
            [parkedHeader]: { type: 'string', description: 'The reason that is in the body.' },
          },
        },
        payload: componentSchema('GatewayParked'),
        examples: [exampleOf(parked)],
      },
    },
    schemas: {
      GatewayState: schemas.write(GatewayState, 'output'),
      GatewayParked: schemas.write(GatewayParked, 'output'),
      GatewayStateHeaders,
    },
  };
}

const GatewayStateHeaders = {
  description: `Which event it was, for the mirror to resume; only \`${messageIdHeader}\` is always there, and \`KV-Operation\` in a purge.`,
  ...headersSchema(
    { [messageIdHeader]: {} },
    {
      'registry-event-id': { format: 'uuid' },
      ...placeHeaders,
      ...preparePosition,
      ...fences,
      'registry-step': { pattern: '^\\d+/\\d+$', description: 'Which of the messages of its event it is: `1/2`.' },
      'registry-degraded': { const: 'true', description: 'Some gateway cannot be shown.' },
    },
  ),
};

/** A gateway that is created, then deleted; and what were put if it were too large. */
function exampleMessages(): Readonly<Record<'put' | 'purge' | 'parked', Message>> {
  const created = goldenEvent('GatewayCreated') as Recorded<GatewayEvent>;
  const deleted = goldenEvent('GatewaySoftDeleted', 1n) as Recorded<GatewayEvent>;
  const active = foldMirrored(undefined, created);
  return {
    put: onlyMessageOf(created, { before: undefined, after: active }, enough),
    purge: onlyMessageOf(deleted, { before: active, after: foldMirrored(active, deleted) }, enough),
    parked: onlyMessageOf(created, { before: undefined, after: active }, 0),
  };
}

const enough = 1024 * 1024;

function onlyMessageOf(event: Recorded<GatewayEvent>, around: Around, mostBytes: number): Message {
  const isDegradedAfter = ({ content }: Change) => content !== undefined && content.kind !== 'shown';
  const [message, ...more] = messagesOf(event, changesOf(around, mostBytes), '5e551011', isDegradedAfter);
  if (message === undefined || more.length > 0) throw new Error(`${event.type} is not one message`);
  return message;
}
