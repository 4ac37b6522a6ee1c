// The fields of the request bodies: what the columns can hold, and what makes sense in them.
import { z } from 'zod';
import { isTimeout, longestTimeout, timeoutField } from '../domain/gateway-presence.ts';
import { DeviceId, FactoryId, OrganizationId } from '../events/ids.ts';
import { JsonObject } from '../events/json.ts';

/** Bytes of a metadata object as JSON in UTF-8. */
const metadataBytes = 64 * 1024;
const metadataDepth = 64;

/** Text of `shortest` to `longest` characters, counted as Postgres counts them: by code points. */
function text(longest: number, shortest = 1) {
  return z
    .string()
    .refine((value) => characters(value) >= shortest, `must have at least ${shortest} character`)
    .refine((value) => characters(value) <= longest, `must have at most ${longest} characters`)
    .meta({ minLength: shortest, maxLength: longest });
}

function characters(value: string): number {
  let count = 0;
  for (const _ of value) count++;
  return count;
}

export const name = text(255);
export const location = text(500, 0).nullable();
export const timezone = text(100)
  .refine(isTimezone, 'must be an IANA time zone such as America/Chicago')
  .meta({ description: 'An IANA time zone.', examples: ['America/Chicago'] });
export const gatewayId = text(255)
  .pipe(DeviceId)
  .meta({ description: 'What the device calls itself; one active gateway has it at most.', examples: ['GW-SPR-001'] });
export const url = text(500)
  .refine(isWebSocketUrl, 'must be a ws:// or wss:// URL without user name and password')
  .meta({ format: 'uri', description: 'A ws:// or wss:// URL without user name and password.' });
export const email = text(255).pipe(z.email('must be an e-mail address')).meta({
  format: 'email',
  description: 'Who logs in to the gateway.',
});
export const password = text(1024).meta({ format: 'password', description: 'Encrypted before it is recorded.' });
export const model = text(100, 0).nullable();
export const firmwareVersion = text(50, 0).nullable();
export const organizationId = OrganizationId;
export const factoryId = FactoryId;
export const metadata = JsonObject.refine(
  (value) => Buffer.byteLength(JSON.stringify(value)) <= metadataBytes,
  'must be at most 64 KiB of JSON',
)
  .refine((value) => depthOf(value) <= metadataDepth, `must be at most ${metadataDepth} levels deep`)
  .meta({ description: `Whatever else there is to say: at most 64 KiB of JSON, ${metadataDepth} levels deep.` });

/** That of a gateway, in which one field means something to the registry. */
export const gatewayMetadata = metadata
  .refine((value) => value[timeoutField] === undefined || isTimeout(value[timeoutField]), {
    path: [timeoutField],
    message: `must be a number of seconds from 1 to ${longestTimeout}`,
  })
  .meta({
    description:
      `Whatever else there is to say: at most 64 KiB of JSON, ${metadataDepth} levels deep. \`${timeoutField}\`, if it is there, is ` +
      'after how many seconds without a heartbeat the gateway counts as offline, instead of 90.',
  });

/** Whether what belongs to a parent is deleted with it. */
export const cascade = z
  .enum(['true', 'false'])
  .default('true')
  .transform((text) => text === 'true')
  .meta({
    description:
      '`false`: not when something active would be deleted along; the answer is then `HAS_ACTIVE_CHILDREN`. What the ' +
      'tables could not take counts as active, because they cannot tell.',
  });

/** Any of these fields, and at least one. */
export function anyOf<Shape extends z.ZodRawShape>(shape: Shape) {
  return z
    .strictObject(mapValues(shape))
    .refine((body) => Object.keys(body).length > 0, {
      message: 'must have at least one field',
      when: ({ issues }) => issues.length === 0,
    })
    .meta({ minProperties: 1 });
}

type AllOptional<Shape extends z.ZodRawShape> = {
  [Field in keyof Shape]: z.ZodExactOptional<Shape[Field]>;
};

function mapValues<Shape extends z.ZodRawShape>(shape: Shape): AllOptional<Shape> {
  const optional = Object.entries(shape).map(([field, schema]) => [field, z.exactOptional(schema)]);
  return Object.fromEntries(optional) as AllOptional<Shape>;
}

function isTimezone(value: string): boolean {
  // Intl also takes offsets such as +05:00, which are no zones.
  if (!/^[A-Za-z]/.test(value)) return false;
  try {
    new Intl.DateTimeFormat('en', { timeZone: value });
    return true;
  } catch {
    return false;
  }
}

// A URL is public; a password in it would be readable in events, on NATS and in every answer.
function isWebSocketUrl(value: string): boolean {
  // The parser drops white space around a URL and line breaks within, but stored is what was sent.
  if (/[\s\p{Cc}]/u.test(value) || !URL.canParse(value)) return false;
  const { protocol, username, password } = new URL(value);
  return /^wss?:\/\//i.test(value) && /^wss?:$/.test(protocol) && username === '' && password === '';
}

function depthOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  let deepest = 0;
  for (const inner of Object.values(value)) deepest = Math.max(deepest, depthOf(inner));
  return 1 + deepest;
}
