// The write side on an event store of its own: commands go in, events and outcomes come out.

import type { CommandDependencies, Outcome, Sender } from '../../src/commands/handler.ts';
import { commands } from '../../src/commands/index.ts';
import type { EventLog } from '../../src/events/event-log.ts';
import { createEncryption, type Encryption } from '../../src/infrastructure/encryption.ts';
import { connectEventStore } from '../../src/infrastructure/event-store.ts';
import { now } from './examples.ts';
import { aKeyRing } from './key-rings.ts';
import { startEventStore } from './servers.ts';

export interface Registry extends AsyncDisposable {
  /** Where its event store is. */
  readonly url: string;
  readonly log: EventLog;
  readonly encryption: Encryption;
  readonly dependencies: CommandDependencies;
  /** Runs a command of the table after its schema took the body. What is left out of `given` is as usual. */
  run(
    name: string,
    id: string,
    body?: object,
    given?: Partial<CommandDependencies>,
    sender?: Partial<Sender>,
  ): Promise<Outcome<unknown>>;
  /** The types of a stream's events. */
  typesIn(stream: string): Promise<readonly string[]>;
}

export const aSender = { actor: 'a-tester', correlationId: 'a-correlation' };

/** A registry whose clock stands still. */
export async function startRegistry(): Promise<Registry> {
  const server = await startEventStore();
  const log = connectEventStore({ url: server.url });
  const encryption = createEncryption(aKeyRing);
  const dependencies: CommandDependencies = {
    log,
    sealPassword: encryption.seal,
    now: () => new Date(now),
    hasActiveChildren: async () => false,
    reservationGrace: 10_000,
  };
  return {
    url: server.url,
    log,
    encryption,
    dependencies,
    async run(name, id, body, given = {}, sender = {}) {
      const command = commands.find((candidate) => candidate.name === name);
      if (command === undefined) throw new Error(`there is no command ${name}`);
      return command.run(
        { ...dependencies, ...given },
        { id, body: command.body?.parse(body), query: command.query?.parse({}), sender: { ...aSender, ...sender } },
      );
    },
    typesIn: async (stream) => (await log.read(stream)).map(({ type }) => type),
    async [Symbol.asyncDispose]() {
      await log.close();
      await server.stop();
    },
  };
}

let ids = 0;

/** A fixed id that no other spec of the file uses. */
export function anId(): string {
  ids += 1;
  return `0194a000-0000-7000-8000-${ids.toString(16).padStart(12, '0')}`;
}
