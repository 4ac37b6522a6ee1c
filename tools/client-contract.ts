// The types of client/: what the public contract says of each message, as TypeScript that stands alone.
import { z } from 'zod';
import { definitions } from '../src/events/catalogue.ts';
import type { JsonSchema } from '../src/http/json-schema.ts';
import { contract, isPublished, kebabCase } from '../src/publishing/contract.ts';
import { GatewayState } from '../src/publishing/mirror-content.ts';
import { Parked } from './asyncapi-parked.ts';

const opening = `// Written by \`npm run docs\` from the public contract of the registry, and not to be edited.

/** A JSON value. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;

export interface JsonObject {
  readonly [key: string]: Json;
}
`;

/** The text of client/src/contract.ts. */
export function clientContract(): string {
  const types = [...definitions.keys()].filter(isPublished);
  const names = types.map((type) => [kebabCase(type), type] as const);
  return [
    opening,
    interfaceOf('Gateway', 'A gateway as it is now: the value under its key in the bucket.', GatewayState),
    ...types.map((type) => interfaceOf(type, definitions.get(type)?.happens ?? '', contract[type].payload)),
    interfaceOf('EventParked', 'There is an event here that could not be published.', Parked),
    block('The data of each event that this version knows, by the type of the event.', 'interface EventData', [
      ...names.map(([name, type]) => `  readonly '${name}': ${type};`),
    ]),
    `/** The types of events that this version knows. */
export const eventTypes = [
${names.map(([name]) => `  '${name}',`).join('\n')}
] as const satisfies readonly (keyof EventData)[];
`,
  ].join('\n');
}

function interfaceOf(name: string, comment: string, schema: z.ZodType): string {
  const { properties = {}, required = [] } = z.toJSONSchema(schema, { io: 'output', unrepresentable: 'any' });
  const fields = Object.entries(properties).flatMap(([field, value]) => {
    const written = value as JsonSchema;
    const mark = required.includes(field) ? '' : '?';
    const said = written.description === undefined ? [] : [`  /** ${written.description} */`];
    return [...said, `  readonly ${field}${mark}: ${typeOf(written)};`];
  });
  return block(comment, `interface ${name}`, fields);
}

function block(comment: string, head: string, lines: readonly string[]): string {
  return `/** ${comment} */\nexport ${head} {\n${lines.join('\n')}\n}\n`;
}

/** @throws Error about a schema that no field of the contract has had so far */
function typeOf(schema: JsonSchema): string {
  if (schema.anyOf !== undefined) return schema.anyOf.map((one) => typeOf(one as JsonSchema)).join(' | ');
  if (schema.enum !== undefined) return schema.enum.map((value) => literal(value)).join(' | ');
  if (schema.const !== undefined) return literal(schema.const);
  const { type } = schema;
  if (Array.isArray(type)) return type.map((one) => typeOf({ ...schema, type: one })).join(' | ');
  switch (type) {
    case 'string':
    case 'boolean':
    case 'null':
    case 'number':
      return type;
    case 'integer':
      return 'number';
    case 'object':
      if (schema.properties === undefined) return 'JsonObject';
  }
  throw new Error(`the client has no type for ${JSON.stringify(schema)}`);
}

function literal(value: unknown): string {
  return typeof value === 'string' ? `'${value}'` : JSON.stringify(value);
}
