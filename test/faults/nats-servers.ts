import { natsServers } from '../support/nats-process.ts';
import { isShort, randomNumbers, seed } from './random.ts';

/** The NATS servers to be tested with, by name: in the short form one of them, by the seed. */
export function natsServersBySeed(): readonly (readonly [string, string])[] {
  const servers = natsServers();
  if (!isShort) return servers;
  const chosen = randomNumbers(seed).below(servers.length);
  return servers.slice(chosen, chosen + 1);
}
