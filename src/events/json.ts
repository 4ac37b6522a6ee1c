import { z } from 'zod';

/** Any JSON value, as it is stored in an event or in a jsonb column. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;

export interface JsonObject {
  readonly [key: string]: Json;
}

/**
 * A JSON object that is taken as it is. It is not copied key by key, because a copy by assignment
 * would lose a key named `__proto__`; whatever enters it has been checked where it entered the service.
 */
export const JsonObject = z
  .custom<JsonObject>(
    (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
    'must be a JSON object',
  )
  .meta({ type: 'object' });
