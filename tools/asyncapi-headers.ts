// The headers of messages, as docs/asyncapi.yaml has them.
import type { JsonSchema } from '../src/http/json-schema.ts';
import { messageIdHeader } from '../src/publishing/message.ts';

interface HeaderSchema {
  readonly description?: string;
  readonly format?: string;
  readonly pattern?: string;
  readonly const?: string;
  readonly enum?: string[];
}

type HeaderSchemas = Readonly<Record<string, HeaderSchema>>;

/** Headers that a message has, and those that it may have besides. NATS knows text alone. */
export function headersSchema(present: HeaderSchemas, besides: HeaderSchemas = {}): JsonSchema {
  const headers = Object.entries({ ...present, ...besides });
  const properties = Object.fromEntries(
    headers.map(([name, schema]) => [name, { type: 'string' as const, ...schema }]),
  );
  return { type: 'object', required: Object.keys(present), properties };
}

/** Where an event stands in the log. */
export const placeHeaders: HeaderSchemas = {
  'registry-stream': { description: 'The stream of the event: a gateway has one of its own, and one of its presence.' },
  'registry-position': { pattern: '^\\d+$', description: 'Where the event stands in the log of all streams.' },
  'registry-revision': {
    pattern: '^\\d+$',
    description: 'The place of the event in its stream, from 0: a gap is visible.',
  },
};

/** What is said of its place only where it has to be. */
export const preparePosition: HeaderSchemas = {
  'registry-prepare-position': {
    pattern: '^\\d+$',
    description: 'The prepare position of the event, where it is not the commit position.',
  },
};

/** What the registry asks of the stream before it takes a message. NATS keeps it, and who reads has no use for it. */
export const fences: HeaderSchemas = {
  'Nats-Expected-Last-Sequence': {
    pattern: '^\\d+$',
    description: 'For NATS alone: after which sequence to store it.',
  },
  'Nats-Expected-Last-Msg-Id': { description: 'For NATS alone: after which message to store it.' },
};

/** What tells who writes into the stream of events what is in it. */
export const streamDegraded: HeaderSchemas = {
  'registry-degraded': { const: 'true', description: 'Some event of the stream could not be published.' },
};

/** When an event has happened, and what began it. */
export const whenAndWhy: Readonly<Record<'ce-time' | 'traceparent', HeaderSchemas[string]>> = {
  'ce-time': { format: 'date-time', description: 'When, by the clock of the registry.' },
  traceparent: { description: 'The W3C Trace Context of the request that began it, if it had one.' },
};

/** What each message of the stream of events has, be it about an event or in the place of one. */
export const streamHeaders: HeaderSchemas = {
  [messageIdHeader]: { format: 'uuid', description: 'The id of the event; JetStream stores one message with it.' },
  'ce-specversion': { const: '1.0' },
  'ce-id': { format: 'uuid', description: 'The id of the event.' },
  'ce-source': { format: 'uri-reference' },
  'ce-type': { description: 'What has happened.' },
  'ce-subject': { description: 'The id of what it has happened to.' },
  'ce-datacontenttype': { const: 'application/json' },
  ...placeHeaders,
  'registry-schema-version': { description: 'Grows when the payload gains a field.' },
};

export const eventHeaders: JsonSchema = {
  description:
    'A CloudEvent in binary mode, and where the event stands. Values are percent-encoded as CloudEvents says.',
  ...headersSchema(
    {
      ...streamHeaders,
      'ce-time': whenAndWhy['ce-time'],
      'registry-correlation-id': {
        description:
          'What it belongs to: the `X-Correlation-Id` of the request that began it, else its trace, else its own id.',
      },
      'registry-causation-id': { description: 'What caused it: the command, or the event that it follows from.' },
    },
    {
      ...preparePosition,
      ...fences,
      ...streamDegraded,
      traceparent: whenAndWhy.traceparent,
    },
  ),
};
