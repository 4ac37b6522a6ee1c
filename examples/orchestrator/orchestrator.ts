// Holds a connection to each gateway that the registry has. Who tells of gateways, passwords and devices is given to it.
import type { Gateway, GatewayChange } from '../../client/src/index.ts';
import {
  type Connection,
  type ConnectionDependencies,
  type ConnectionSettings,
  startConnection,
} from './connection.ts';
import { createGate } from './gate.ts';

export interface OrchestratorSettings extends ConnectionSettings {
  /** How many gateways are logged in to at once, from the question for the password to the welcome. */
  readonly loginsAtOnce: number;
}

export const usualSettings: OrchestratorSettings = {
  beatEvery: 30_000,
  patience: 10_000,
  backoff: { first: 1_000, longest: 60_000 },
  loginsAtOnce: 16,
};

export interface OrchestratorOptions
  extends Pick<ConnectionDependencies, 'readCredential' | 'sendBeat' | 'device' | 'report'>,
    Partial<Pick<ConnectionDependencies, 'takeReading' | 'chance'>> {
  /** The gateways there are, and what happens to them. */
  readonly changes: AsyncIterable<GatewayChange>;
  readonly settings: OrchestratorSettings;
}

/**
 * Connects to gateways as they appear, until `changes` ends. All connections are closed then, also when `changes` throws, which
 * this does as well.
 */
export async function orchestrate({ changes, settings, ...others }: OrchestratorOptions): Promise<void> {
  const gate = createGate(settings.loginsAtOnce);
  const dependencies = { takeReading: () => undefined, chance: Math.random, ...others, settings, gate };
  const connections = new Map<string, Connection>();
  try {
    for await (const change of changes) {
      if (change.type === 'disappeared') close(change.gateway);
      else if (change.type !== 'current') follow(change.gateway);
    }
  } finally {
    for (const connection of connections.values()) connection.close();
  }

  function follow(gateway: Gateway): void {
    const connection = connections.get(gateway.id);
    if (connection === undefined) connections.set(gateway.id, startConnection(gateway, dependencies));
    else connection.update(gateway);
  }

  function close({ id }: Gateway): void {
    connections.get(id)?.close();
    connections.delete(id);
  }
}
