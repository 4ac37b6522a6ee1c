// The events, as docs/asyncapi.yaml has them: a channel, a message and an operation each.
import { definitions } from '../src/events/catalogue.ts';
import type { SchemaWriter } from '../src/http/json-schema.ts';
import { contract, isPublished, kebabCase, type PublicEvent, type PublishedEvent } from '../src/publishing/contract.ts';
import { contractVersion, eventStream } from '../src/publishing/event-stream.ts';
import { subjectOf, toMessage } from '../src/publishing/message.ts';
import type { AsyncApiMessage, AsyncApiPart, Channel } from './asyncapi.ts';
import { eventHeaders } from './asyncapi-headers.ts';
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

/** What is in a subject, by the name that it has in the data. */
const placeholders: Readonly<Record<PublicEvent['kind'], object>> = {
  organization: { id: organization },
  factory: { id: factory, organizationId: organization },
  gateway: { id: gateway, factoryId: factory, organizationId: organization },
};

/** All events that are published. */
export function eventsPart(schemas: SchemaWriter): AsyncApiPart {
  const types = [...definitions.keys()].filter(isPublished);
  const of = <Made>(make: (type: PublishedEvent['type']) => readonly [string, Made]) =>
    Object.fromEntries(types.map(make));
  return {
    channels: of((type) => [channelName(type), channelOf(type)]),
    operations: of((type) => [`publish${type}`, operationOn(channelName(type), 'send', happens(type), type)]),
    messages: of((type) => [type, messageOf(type)]),
    schemas: {
      EventHeaders: eventHeaders,
      ...of((type) => [type, schemas.write(contract[type].payload, 'output')]),
    },
  };
}

function channelOf(type: PublishedEvent['type']): Channel {
  const address = subjectOf({ type, data: placeholders[contract[type].kind] } as unknown as PublishedEvent);
  return {
    address,
    title: type,
    description: `${happens(type)} In the JetStream stream \`${eventStream.name}\`; \`*\` in place of an id is any of them.`,
    messages: messagesNamed(type),
    parameters: parametersOf(address),
  };
}

function messageOf(type: PublishedEvent['type']): AsyncApiMessage {
  const message = toMessage(goldenEvent(type));
  if (message === undefined) throw new Error(`${type} has no message`);
  return {
    title: type,
    summary: happens(type),
    contentType: 'application/json',
    headers: {
      type: 'object',
      allOf: [componentSchema('EventHeaders')],
      properties: {
        'ce-type': { type: 'string', const: `mti.evt.${contractVersion}.${kebabCase(type)}` },
        'registry-schema-version': { type: 'string', const: String(contract[type].version) },
      },
    },
    payload: componentSchema(type),
    examples: [exampleOf(message)],
  };
}

function channelName(type: string): string {
  return type.charAt(0).toLowerCase() + type.slice(1);
}

function happens(type: string): string {
  const definition = definitions.get(type);
  if (definition === undefined) throw new Error(`no event of the catalogue is called ${type}`);
  return definition.happens;
}
