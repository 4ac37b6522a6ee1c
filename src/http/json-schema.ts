import { z } from 'zod';

export type JsonSchema = z.core.JSONSchema.BaseSchema;

/** Turns zod schemas into JSON Schema for one document. */
export interface SchemaWriter {
  /** The schema of what is sent (`input`) or answered (`output`); a schema with an id is referred to. */
  write(schema: z.core.$ZodType, io: 'input' | 'output'): JsonSchema;
  /** The schemas with an id that were met so far, in the order of their names. */
  named(): Readonly<Record<string, JsonSchema>>;
}

/** A writer that has met no schema yet. */
export function createSchemaWriter(): SchemaWriter {
  const met = new Map<string, JsonSchema>();
  return {
    write(schema, io) {
      // Within another, because a schema with an id is written out where it is the outermost.
      const { properties = {}, $defs = {} } = z.toJSONSchema(z.object({ schema }), {
        io,
        unrepresentable: 'any',
        override: (context) => adjust(context, io),
      });
      for (const [name, definition] of Object.entries($defs)) meet(name, tidy(definition));
      return tidy(properties.schema as JsonSchema);
    },
    named: () => Object.fromEntries([...met].sort(([a], [b]) => (a < b ? -1 : 1))),
  };

  function meet(name: string, schema: JsonSchema): void {
    const known = met.get(name);
    if (known !== undefined && JSON.stringify(known) !== JSON.stringify(schema)) {
      throw new Error(`two different schemas are called ${name}`);
    }
    met.set(name, schema);
  }
}

function adjust(
  { zodSchema, jsonSchema }: { zodSchema: z.core.$ZodTypes; jsonSchema: JsonSchema },
  io: 'input' | 'output',
): void {
  // A pattern for what the format says already is noise to read.
  if (jsonSchema.format !== undefined) delete jsonSchema.pattern;
  if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
  if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
  // Answers may gain fields.
  if (io === 'output' && jsonSchema.additionalProperties === false) delete jsonSchema.additionalProperties;
  // Zod leaves the default out where text is turned into a number.
  if (zodSchema._zod.def.type === 'default')
    jsonSchema.default ??= zodSchema._zod.def.defaultValue as JsonSchema['default'];
}

function tidy(schema: JsonSchema): JsonSchema {
  return JSON.parse(JSON.stringify(schema), (key, value) => {
    if (key === '$ref') return String(value).replace('#/$defs/', '#/components/schemas/');
    return isNullable(value) ? withNull(value) : value;
  });
}

function isNullable(value: unknown): value is JsonSchema & { anyOf: [JsonSchema & { type: string }, JsonSchema] } {
  const { anyOf } = (value ?? {}) as JsonSchema;
  return anyOf?.length === 2 && typeof anyOf[0]?.type === 'string' && anyOf[1]?.type === 'null';
}

function withNull({ anyOf, ...rest }: JsonSchema & { anyOf: [JsonSchema & { type: string }, JsonSchema] }): JsonSchema {
  const [{ type, ...one }] = anyOf;
  return { type: [type, 'null'], ...one, ...rest } as unknown as JsonSchema;
}
