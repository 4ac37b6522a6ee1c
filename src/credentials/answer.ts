// One request, from its text to its answer. In this order: what is asked, by whom, how often, of which gateway; then the
// password is opened and sealed in one go, the reading is recorded, and only then the answer leaves.
import { LRUCache } from 'lru-cache';
import { type EventLog, EventLogUnavailable } from '../events/event-log.ts';
import type { GatewayId } from '../events/ids.ts';
import { recordReading } from './audit.ts';
import { type Credential, findCredential } from './credential.ts';
import { connectorKeyOf, type SigningKey } from './keys.ts';
import { type CredentialAnswer, type CredentialRequest, type Refusal, readRequest } from './protocol.ts';
import { createRateLimit } from './rate-limit.ts';
import type { ConnectorRight } from './right.ts';
import { sealFor } from './sealing.ts';
import { readToken, thumbprintOf, tokenFaults } from './token.ts';

export interface AnswerDependencies {
  readonly log: EventLog;
  /** @throws DecryptionError when a password was altered or sealed with a key that is not here */
  readonly openPassword: (sealed: string, gateway: GatewayId) => string;
  readonly verifyingKeys: readonly SigningKey[];
  readonly rates: CredentialRates;
  readonly now: () => Date;
  /** Milliseconds by a clock that is never put forward or back; that of the process unless it is given. */
  readonly steady?: () => number;
}

/** Requests a minute, and how many of them may come at once. Each process counts for itself. */
export interface CredentialRates {
  readonly perSubject: number;
  readonly perGateway: number;
}

export type Outcome =
  | { readonly status: 'answered'; readonly answer: CredentialAnswer; readonly asked: Readonly<Asked> }
  | {
      readonly status: 'refused';
      readonly refusal: Refusal;
      readonly asked: Readonly<Asked>;
      readonly cause?: unknown;
    };

/** What is known for certain of a request, for the log; it grows while the request is looked at. */
export interface Asked {
  gateway?: GatewayId;
  subject?: string;
  requestId?: string;
}

/** A request is answered within so much of its time, in milliseconds: clocks differ, and messages take a while. */
const longestDifference = 120_000;

/** Requests that are remembered so that none is answered twice; the oldest goes first. */
const mostRemembered = 50_000;

/** Rates do not go by the clock of the day: once put forward and back it would give nobody anything until then. */
export const steadyClock = () => performance.now();

/** Answers requests, one at a time or many at once. It does not throw: a defect is a refusal with a cause. */
export function createAnswering(dependencies: AnswerDependencies): (body: string) => Promise<Outcome> {
  const { log, openPassword, verifyingKeys, rates, now, steady = steadyClock } = dependencies;
  const perSubject = createRateLimit(rates.perSubject);
  const perGateway = createRateLimit(rates.perGateway);
  const seen = new LRUCache<string, true>({ max: mostRemembered });

  return async (body) => {
    const request = readRequest(body);
    if ('code' in request) return { status: 'refused', refusal: request, asked: {} };
    const asked: Asked = { gateway: request.id };
    try {
      const judged = await answer(request, asked);
      if ('code' in judged) return { status: 'refused', refusal: judged, asked };
      return { status: 'answered', answer: judged, asked };
    } catch (cause) {
      return { status: 'refused', refusal: failure(cause), asked, cause };
    }
  };

  async function answer(request: CredentialRequest, asked: Asked): Promise<CredentialAnswer | Refusal> {
    const publicKey = connectorKeyOf(request.public_key);
    if (publicKey === undefined) throw new Error('a public key that the schema has let through is none');
    const thumbprint = await thumbprintOf(publicKey);
    const right = await readToken(request.token, verifyingKeys, thumbprint, now());
    if (typeof right === 'string') return { code: 'UNAUTHORIZED', message: `The token ${tokenFaults[right]}.` };
    asked.subject = right.subject;
    asked.requestId = request.request_id;

    const refusal = refuseUntimely(request) ?? refuseRepeated(thumbprint, request) ?? refuseFrequent(right.subject);
    if (refusal !== undefined) return refusal;

    const credential = await findFor(right, request.id);
    if (!isEntitled(right, credential)) return forbidden;
    if (credential === undefined || !credential.isActive) return notFound;
    const wait = perGateway.take(request.id, steady());
    if (wait > 0) return tooMany('of this gateway', wait);

    const { ids, url, email, version: credential_version } = credential;
    const binding = { request_id: request.request_id, id: request.id, credential_version, url, email };
    // Nothing is awaited in between: the password is in plain text for no longer than it takes to seal it.
    const sealed = sealFor(publicKey, openPassword(credential.passwordEncrypted, request.id), binding);
    const reader = { subject: right.subject, keyThumbprint: thumbprint, requestId: request.request_id };
    await recordReading(log, { ...ids, credentialVersion: credential_version, ...reader }, now());
    return { ...binding, ...sealed };
  }

  async function findFor({ organizations }: ConnectorRight, id: GatewayId): Promise<Credential | undefined> {
    try {
      return await findCredential(log, id);
    } catch (cause) {
      if (cause instanceof EventLogUnavailable || organizations === '*') throw cause;
      throw new UnreadableGateway(`what the log holds of gateway ${id} cannot be read`, { cause });
    }
  }

  function refuseUntimely({ requested_at }: CredentialRequest): Refusal | undefined {
    if (Math.abs(now().getTime() - Date.parse(requested_at)) <= longestDifference) return undefined;
    const details = [{ path: 'requested_at', message: 'is not of the last two minutes: look at the clocks' }];
    return { code: 'VALIDATION_ERROR', message: 'The request is not valid.', details };
  }

  // Before the rates: what somebody else sends again must not use up what its author may ask.
  function refuseRepeated(thumbprint: string, { request_id }: CredentialRequest): Refusal | undefined {
    const name = `${thumbprint}.${request_id}`;
    if (seen.has(name))
      return { code: 'REQUEST_REPEATED', message: 'There was a request with this request_id before.' };
    seen.set(name, true);
    return undefined;
  }

  function refuseFrequent(subject: string): Refusal | undefined {
    const wait = perSubject.take(subject, steady());
    return wait === 0 ? undefined : tooMany('by this subject', wait);
  }
}

/** A gateway of nobody knows which organization, as it cannot be read: who may not read all is not told that there is one. */
class UnreadableGateway extends Error {
  override readonly name = 'UnreadableGateway';
}

// Who may not read a gateway is not told whether there is one: of what was never there, nobody but who may read all is told.
function isEntitled({ organizations }: ConnectorRight, credential: Credential | undefined): boolean {
  if (organizations === '*') return true;
  return credential !== undefined && organizations.includes(credential.ids.organizationId);
}

const forbidden: Refusal = { code: 'FORBIDDEN', message: 'The token gives no right to a gateway of this id.' };
const notFound: Refusal = { code: 'GATEWAY_NOT_FOUND', message: 'There is no active gateway of this id.' };

function tooMany(what: string, wait: number): Refusal {
  const retryAfter = Math.ceil(wait / 1_000);
  const message = `Too many requests ${what}: try again in ${retryAfter} s.`;
  return { code: 'TOO_MANY_REQUESTS', message, retryAfter };
}

function failure(cause: unknown): Refusal {
  if (cause instanceof EventLogUnavailable) return unavailable;
  if (cause instanceof UnreadableGateway) return forbidden;
  return { code: 'INTERNAL_ERROR', message: 'Something went wrong here; the log of the registry tells what.' };
}

/** The answer of a service that cannot answer just now. */
export const unavailable: Refusal = {
  code: 'SERVICE_UNAVAILABLE',
  message: 'The registry cannot answer just now: try again.',
  retryAfter: 1,
};
