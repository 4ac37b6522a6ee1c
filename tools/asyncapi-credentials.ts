// The service that tells connectors passwords, as docs/asyncapi.yaml has it.
import { createPublicKey } from 'node:crypto';
import { z } from 'zod';
import { unavailable } from '../src/credentials/answer.ts';
import { encodePublicKey, privateKeyOf } from '../src/credentials/keys.ts';
import {
  type CredentialAnswer,
  CredentialRequest,
  type RefusalCode,
  readRequest,
  refusalAnswer,
  statusOfRefusal,
} from '../src/credentials/protocol.ts';
import { sealFor } from '../src/credentials/sealing.ts';
import { credentialsSubject } from '../src/credentials/subject.ts';
import { ErrorResponse } from '../src/http/errors.ts';
import type { SchemaWriter } from '../src/http/json-schema.ts';
import { exampleGateway } from '../src/resources/examples.ts';
import type { AsyncApiPart, MessageExample } from './asyncapi.ts';
import { headersSchema } from './asyncapi-headers.ts';
import { componentSchema, messagesNamed, messagesOn, operationOn } from './asyncapi-parts.ts';

const codes = Object.keys(statusOfRefusal) as [RefusalCode, ...RefusalCode[]];

const Answer = z.object({
  request_id: z.guid().describe('That of the request.'),
  id: z.guid(),
  credential_version: z.int().nonnegative().describe('Grows with each change of the password, as in the events.'),
  url: z.string().meta({ format: 'uri' }),
  email: z.string().meta({ format: 'email' }),
  epk: z.string().describe('The X25519 public key that the registry made for this answer: 32 bytes in base64url.'),
  iv: z.string().describe('12 bytes in base64url.'),
  ciphertext: z
    .string()
    .describe(
      'The padded password and the tag of 16 bytes, in base64url; it opens together with all else in the answer.',
    ),
}) satisfies z.ZodType<CredentialAnswer>;

const Refused = z.object({ error: ErrorResponse.shape.error.extend({ code: z.enum(codes) }) });

/** The service: a request, and its answers. */
export function credentialsPart(schemas: SchemaWriter): AsyncApiPart {
  return {
    channels: {
      credentials: {
        address: credentialsSubject,
        title: 'The service `gateway-credentials`',
        description:
          'Tells connectors the passwords of gateways, sealed to their keys. It is off unless `CREDENTIALS_PUBLIC_KEYS` says who may sign tokens.',
        messages: messagesNamed('CredentialRequest'),
      },
      credentialReplies: {
        title: 'Answers of the service `gateway-credentials`',
        description: 'The reply subject of the request. The service answers on none that begins with `mti.` or `$`.',
        messages: messagesNamed('CredentialAnswer', 'CredentialRefusal'),
      },
    },
    operations: {
      tellCredential: {
        ...operationOn('credentials', 'receive', 'Tells a connector the password of a gateway.', 'CredentialRequest'),
        // What services of NATS are in unless they say otherwise.
        bindings: { nats: { queue: 'q', bindingVersion: '0.1.0' } },
        reply: {
          channel: { $ref: '#/channels/credentialReplies' },
          messages: messagesOn('credentialReplies', 'CredentialAnswer', 'CredentialRefusal'),
        },
      },
    },
    messages: {
      CredentialRequest: {
        title: 'A request for a password',
        summary: 'Asks for the password of a gateway. To try again is a new request.',
        contentType: 'application/json',
        payload: componentSchema('CredentialRequest'),
        examples: [{ payload: exampleRequest }],
      },
      CredentialAnswer: {
        title: 'A sealed password',
        summary: 'What is needed to log in to the gateway; the password in it opens for one connector alone.',
        contentType: 'application/json',
        payload: componentSchema('CredentialAnswer'),
        examples: [{ payload: exampleAnswer() }],
      },
      CredentialRefusal: {
        title: 'A refusal',
        summary: 'The body has the shape that errors have in REST.',
        contentType: 'application/json',
        headers: refusalHeaders,
        payload: componentSchema('CredentialRefusal'),
        examples: [exampleRefusal(), exampleOfUnavailable()],
      },
    },
    schemas: {
      CredentialRequest: schemas.write(CredentialRequest, 'input'),
      CredentialAnswer: schemas.write(Answer, 'output'),
      CredentialRefusal: schemas.write(Refused, 'output'),
    },
  };
}

const refusalHeaders = headersSchema(
  {
    'Nats-Service-Error': { description: 'For people; its words may change.' },
    'Nats-Service-Error-Code': {
      enum: [...new Set(Object.values(statusOfRefusal))].map(String),
      description: 'The status that the code has in REST.',
    },
  },
  { 'Retry-After': { pattern: '^\\d+$', description: 'Seconds after which it may be worth trying again.' } },
);

// Keys that are fixed, and worth nothing: an example has to stay the same.
const keys = { connector: keyOf(0x17), answer: keyOf(0x2a) };

const exampleRequest = {
  request_id: '0194f000-0000-4000-8000-000000000001',
  requested_at: '2026-03-02T09:10:00Z',
  id: exampleGateway.id,
  public_key: encodePublicKey(keys.connector.publicKey),
  token: '<JWT>',
};

function exampleAnswer(): CredentialAnswer {
  const { request_id, id } = exampleRequest;
  const binding = { request_id, id, credential_version: 5, url: exampleGateway.url, email: exampleGateway.email };
  const once = { pair: keys.answer, iv: Buffer.alloc(12, 0x05) };
  return { ...binding, ...sealFor(keys.connector.publicKey, 'correct horse', binding, once) };
}

function exampleRefusal(): MessageExample {
  const { token: _, ...without } = exampleRequest;
  const refusal = readRequest(JSON.stringify(without));
  if (!('code' in refusal)) throw new Error('a request without a token is not refused');
  return { name: refusal.code, ...refused(refusalAnswer(refusal)) };
}

function exampleOfUnavailable(): MessageExample {
  return { name: unavailable.code, ...refused(refusalAnswer(unavailable)) };
}

function refused({ body, error }: ReturnType<typeof refusalAnswer>): MessageExample {
  if (error === undefined) throw new Error('a refusal is no error');
  return {
    headers: {
      'Nats-Service-Error': error.message,
      'Nats-Service-Error-Code': String(error.status),
      ...(error.retryAfter === undefined ? {} : { 'Retry-After': String(error.retryAfter) }),
    },
    payload: JSON.parse(body),
  };
}

function keyOf(byte: number) {
  const privateKey = privateKeyOf('X25519', Buffer.alloc(32, byte).toString('base64url'));
  return { privateKey, publicKey: createPublicKey(privateKey) };
}
