import type { Logger } from 'pino';
import type { Config } from './config.ts';
import type { EventLog } from './events/event-log.ts';
import type { KeyRing } from './infrastructure/key-ring.ts';

export type Server = 'eventStore' | 'postgres' | 'nats';

/** What a script is given to work with. */
export interface Context {
  readonly config: Config;
  readonly logger: Logger;
  readonly urls: Readonly<Record<Server, string>>;
  /** Which of the servers this process or its neighbours run on this machine. */
  readonly embedded: ReadonlySet<Server>;
  /** Aborts when the process is told to stop. */
  readonly stopping: AbortSignal;
  /** @throws Error when passwords cannot be encrypted, because there is no key */
  encryptionKeys(): Promise<KeyRing>;
  readonly arguments: Arguments;
}

/** What stands behind the name of a script. */
export interface Arguments {
  readonly force?: string | undefined;
  readonly name?: string | undefined;
  readonly words?: readonly string[] | undefined;
}

/** Connects to the event store, for an action that needs it. */
export type OpenLog = () => EventLog & AsyncDisposable;
