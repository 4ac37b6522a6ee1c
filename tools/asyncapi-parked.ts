// What stands in the stream for an event that cannot be published, as docs/asyncapi.yaml has it.
import { z } from 'zod';
import type { SchemaWriter } from '../src/http/json-schema.ts';
import { type ParkedReason, parkedMessage, parkedSubjects } from '../src/publishing/parked.ts';
import type { AsyncApiPart } from './asyncapi.ts';
import {
  fences,
  headersSchema,
  preparePosition,
  streamDegraded,
  streamHeaders,
  whenAndWhy,
} from './asyncapi-headers.ts';
import { componentSchema, exampleOf, messagesNamed, operationOn, parametersOf } from './asyncapi-parts.ts';
import { goldenEvent } from './golden.ts';

const reasons = { 'too-large': true, unreadable: true } satisfies Readonly<Record<ParkedReason, true>>;

export const Parked = z.object({
  id: z.string().describe('Of whatever it has happened to.'),
  type: z.string().describe('What has happened, as in the subject of other events: `gateway-updated`.'),
  reason: z
    .enum(Object.keys(reasons) as [ParkedReason, ...ParkedReason[]])
    .describe(
      '`too-large`: NATS takes no message of that size. `unreadable`: it does not hold what its type promises.',
    ),
});

const placeholders = ['{organization}', '{factory}', '{kind}', '{id}'];

/** The message that stands for an event. */
export function parkedPart(schemas: SchemaWriter): AsyncApiPart {
  const summary =
    'There is an event that cannot be published, here in its place: ask for the state of what it is about.';
  const address = placeholders.reduce((subject, placeholder) => subject.replace('*', placeholder), parkedSubjects);
  return {
    channels: {
      eventParked: {
        address,
        title: 'Events that cannot be published',
        description: `${summary} What the event does not say of its owners is \`_\` in the subject.`,
        messages: messagesNamed('EventParked'),
        parameters: parametersOf(address),
      },
    },
    operations: { parkEvent: operationOn('eventParked', 'send', summary, 'EventParked') },
    messages: {
      EventParked: {
        title: 'EventParked',
        summary,
        contentType: 'application/json',
        headers: headersSchema(streamHeaders, { ...preparePosition, ...fences, ...streamDegraded, ...whenAndWhy }),
        payload: componentSchema('EventParked'),
        examples: [exampleOf(parkedMessage(goldenEvent('GatewayUpdated'), 'too-large'))],
      },
    },
    schemas: { EventParked: schemas.write(Parked, 'output') },
  };
}
