import type { NatsConnection } from 'nats';

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
   * @throws CredentialUnavailable when nobody answers in time
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

export declare function openCredentials(nats: NatsConnection, options: CredentialOptions): Credentials;
