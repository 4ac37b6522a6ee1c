// What is asked and answered on the subject, in JSON. docs/adr/0017-credentials.md explains it to whoever writes a connector.
import { z } from 'zod';
import { GatewayId, writtenUuid } from '../events/ids.ts';
import { connectorKeyOf } from './keys.ts';
import type { RequestAnswer } from './requests.ts';
import type { Binding, SealedPassword } from './sealing.ts';

/** Longer ones are not looked at. In characters. */
const longestRequest = 16 * 1024;

const uuid = z.string().regex(writtenUuid, 'must be a UUID in lower case').meta({ format: 'uuid' });

export const CredentialRequest = z.strictObject({
  request_id: uuid.describe('New for each request: one that was seen before is refused.'),
  requested_at: z.iso.datetime('must be a time such as 2026-03-02T09:10:00Z').describe('When it is sent, in UTC.'),
  id: uuid.pipe(GatewayId).describe("The registry's id of the gateway."),
  public_key: z
    .string()
    .refine((text) => connectorKeyOf(text) !== undefined, 'must be a public key of X25519, 32 bytes in base64url')
    .describe('The X25519 public key that the password is to be sealed to: 32 bytes in base64url.'),
  token: z.string().min(1, 'is required').describe('The connector right: a token that is bound to the public key.'),
});

export type CredentialRequest = z.output<typeof CredentialRequest>;

/** All but the password stands in plain text, where the events on NATS have it as well; it is sealed together with it. */
export type CredentialAnswer = Binding & SealedPassword;

/** Every error code of the service, and the status it comes with. */
export const statusOfRefusal = {
  VALIDATION_ERROR: 400,
  UNAUTHORIZED: 401,
  FORBIDDEN: 403,
  GATEWAY_NOT_FOUND: 404,
  REQUEST_REPEATED: 409,
  TOO_MANY_REQUESTS: 429,
  INTERNAL_ERROR: 500,
  SERVICE_UNAVAILABLE: 503,
} as const;

export type RefusalCode = keyof typeof statusOfRefusal;

export interface Refusal {
  readonly code: RefusalCode;
  /** For whoever asked. */
  readonly message: string;
  readonly details?: readonly { readonly path: string; readonly message: string }[];
  /** Seconds after which it may be worth trying again. */
  readonly retryAfter?: number;
}

/** The request in a message, or what is wrong with it. Nothing of the request is repeated. */
export function readRequest(body: string): CredentialRequest | Refusal {
  if (body.length > longestRequest) return invalid('The request is too long.');
  const json = parseJson(body);
  if (json === undefined) return invalid('The request is no JSON.');
  const parsed = CredentialRequest.safeParse(json);
  if (parsed.success) return parsed.data;
  const details = parsed.error.issues.map(({ path, code, message }) => ({
    path: path.join('.'),
    message: code === 'unrecognized_keys' ? 'has fields that are not known' : message,
  }));
  return { ...invalid('The request is not valid.'), details };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function invalid(message: string): Refusal {
  return { code: 'VALIDATION_ERROR', message };
}

/** A refusal as it is sent: in the shape that errors have in REST. */
export function refusalAnswer({ code, message, details, retryAfter }: Refusal): RequestAnswer {
  const status = statusOfRefusal[code];
  return {
    body: JSON.stringify({ error: { code, message, statusCode: status, ...(details && { details }) } }),
    error: { status, message, retryAfter },
  };
}
