// Asks the registry how to log in to a gateway.
import { randomUUID } from 'node:crypto';
import type { Msg, NatsConnection } from 'nats';
import { isNatsError } from './faults.ts';
import { credentialsSubject, type KeyPair, keyPairOf, openSealed, type Sealed } from './sealed.ts';

export interface CredentialOptions {
  /** As `npm run credentials -- connector-keygen` prints it. */
  readonly privateKey: string;
  /** The token, or what gets it: it is asked for with each request. */
  readonly token: string | (() => string | Promise<string>);
  /** Milliseconds until an answer must be there; 5000 when it is left out. */
  readonly timeout?: number;
}

/** How to log in to a gateway. The password belongs to the `url` beside it, and to no other. */
export interface Credential {
  readonly id: string;
  readonly credential_version: number;
  readonly url: string;
  readonly email: string;
  readonly password: string;
}

export interface Credentials {
  /**
   * The password of a gateway, as it was set last.
   *
   * @throws CredentialRefused when the registry does not tell it
   * @throws CredentialUnavailable when nobody answers in time, or the answer is not what was asked for
   */
  read(gatewayId: string): Promise<Credential>;
}

/** The registry's refusal. */
export class CredentialRefused extends Error {
  override readonly name = 'CredentialRefused';
  /** For example `FORBIDDEN`, `GATEWAY_NOT_FOUND`, `TOO_MANY_REQUESTS`. */
  readonly code: string;
  /** Seconds after which it may be worth trying again; undefined where that is not said. */
  readonly retryAfter: number | undefined;

  constructor(code: string, message: string, retryAfter: number | undefined) {
    super(message);
    this.code = code;
    this.retryAfter = retryAfter;
  }
}

/** Nobody has answered, or not what was asked. To try again may help. */
export class CredentialUnavailable extends Error {
  override readonly name = 'CredentialUnavailable';
}

/**
 * Reads passwords with the right that a token gives. Nothing is asked before it is used, and nothing is remembered.
 *
 * @throws TypeError when the private key is none
 */
export function openCredentials(
  nats: NatsConnection,
  { privateKey, token, timeout = 5_000 }: CredentialOptions,
): Credentials {
  const pair = keyPairOf(privateKey);
  return {
    async read(gatewayId) {
      const request = {
        request_id: randomUUID(),
        requested_at: new Date().toISOString(),
        id: gatewayId,
        public_key: pair.encoded,
        token: (typeof token === 'string' ? token : await token()).trim(),
      };
      const message = await ask(nats, JSON.stringify(request), timeout);
      return readAnswer(message, request, pair);
    },
  };
}

async function ask(nats: NatsConnection, body: string, timeout: number): Promise<Msg> {
  try {
    return await nats.request(credentialsSubject, body, { timeout });
  } catch (cause) {
    if (!isNatsError(cause)) throw cause;
    const why = cause.code === '503' ? 'nobody tells passwords at present' : `no answer came: ${cause.message}`;
    throw new CredentialUnavailable(why, { cause });
  }
}

/** An answer is either that of the registry, or anybody's: whoever may, can answer. */
function readAnswer(message: Msg, { request_id, id }: { request_id: string; id: string }, pair: KeyPair): Credential {
  const answer = parse(message);
  if ('error' in answer) {
    const { code, message: why } = answer.error ?? {};
    if (typeof code !== 'string' || typeof why !== 'string') throw notOfTheRegistry();
    const retryAfter = Number(message.headers?.get('Retry-After') || Number.NaN);
    throw new CredentialRefused(code, why, Number.isNaN(retryAfter) ? undefined : retryAfter);
  }
  if (answer.request_id !== request_id || answer.id !== id) {
    throw new CredentialUnavailable('the answer is to something else');
  }
  const { credential_version, url, email } = answer;
  try {
    return { id, credential_version, url, email, password: openSealed(answer, pair) };
  } catch (cause) {
    throw new CredentialUnavailable('the answer cannot be opened: it was sealed for somebody else, or changed', {
      cause,
    });
  }
}

interface Answer extends Sealed {
  readonly error?: { readonly code?: unknown; readonly message?: unknown } | null;
}

function parse(message: Msg): Answer {
  try {
    const answer: unknown = message.json();
    if (typeof answer === 'object' && answer !== null) return answer as Answer;
  } catch {
    // It is told below, as what is JSON and no answer is.
  }
  throw notOfTheRegistry();
}

function notOfTheRegistry(): CredentialUnavailable {
  return new CredentialUnavailable('the answer is none of the registry');
}
