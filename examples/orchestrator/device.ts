// How one talks to a device, whatever it speaks. What real gateways speak is another implementation of this.

export interface Device {
  /**
   * Begins to open a connection. What comes of it is told to `hear`, never before this returns.
   *
   * @throws Error with a message for people when the address is none
   */
  connect(url: string, hear: (news: DeviceNews) => void): Link;
}

export type DeviceNews =
  | { readonly type: 'opened' }
  | { readonly type: 'welcomed' }
  /** It does not accept the login. */
  | { readonly type: 'refused' }
  /** Any sign of life. */
  | { readonly type: 'heard'; readonly reading?: Reading | undefined }
  /** The last news of a connection. The reason is for the log: it repeats nothing that was sent or received. */
  | { readonly type: 'closed'; readonly reason: string };

/** What a gateway has measured. */
export interface Reading {
  readonly sensor: string;
  readonly value: number;
  readonly unit: string;
  /** ISO-8601, UTC, by the clock of the gateway. */
  readonly at: string;
}

/** A connection, or what is to become one. */
export interface Link {
  logIn(email: string, password: string): void;
  /** Asks for a sign of life. */
  ping(): void;
  /** Nothing is heard afterwards. */
  close(): void;
}
