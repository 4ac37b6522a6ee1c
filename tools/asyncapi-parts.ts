// What the parts of docs/asyncapi.yaml are put together from.
import type { Message } from '../src/publishing/bus.ts';
import type { Channel, MessageExample, Reference } from './asyncapi.ts';

/** What stands for an id in a subject. */
export const organization = '{organization}';
export const factory = '{factory}';
export const gateway = '{gateway}';

function componentMessage(name: string): Reference {
  return { $ref: `#/components/messages/${name}` };
}

export function componentSchema(name: string): Reference {
  return { $ref: `#/components/schemas/${name}` };
}

/** The messages of a channel, under the names that they have among the components. */
export function messagesNamed(...names: readonly string[]): Channel['messages'] {
  return Object.fromEntries(names.map((name) => [name, componentMessage(name)]));
}

/** What is done on a channel: with all of these messages of it. */
export function operationOn(channel: string, action: 'send' | 'receive', summary: string, ...names: string[]) {
  return { action, channel: { $ref: `#/channels/${channel}` }, summary, messages: messagesOn(channel, ...names) };
}

export function messagesOn(channel: string, ...names: readonly string[]): readonly Reference[] {
  return names.map((name) => ({ $ref: `#/channels/${channel}/messages/${name}` }));
}

/** The parameters that are in an address. */
export function parametersOf(address: string): Readonly<Record<string, Reference>> {
  const names = [...address.matchAll(/{(\w+)}/g)].map(([, name = '']) => name);
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/parameters/${name}` }]));
}

/** A message as an example. */
export function exampleOf({ headers, body }: Pick<Message, 'headers' | 'body'>): MessageExample {
  return { headers, ...(body === '' ? {} : { payload: JSON.parse(body) }) };
}
