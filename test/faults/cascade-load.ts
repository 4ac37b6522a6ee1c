// What happens while the cascade is killed: commands at random about few things, from several senders at once.
import { setTimeout as pause } from 'node:timers/promises';
import type { CommandDependencies, Outcome } from '../../src/commands/handler.ts';
import { commands } from '../../src/commands/index.ts';
import type { EventLog, Position } from '../../src/events/event-log.ts';
import { uuidv7 } from '../../src/events/new-id.ts';
import { createEncryption } from '../../src/infrastructure/encryption.ts';
import { aKeyRing } from '../support/key-rings.ts';
import { randomNumbers } from './random.ts';
import { slow } from './slow.ts';

export interface CascadeLoad {
  /** Resolves when so many more commands have been answered. */
  goesOn(commands: number): Promise<void>;
  /** Resolves when the last one has been answered. */
  stop(): Promise<void>;
  /** Runs a command by hand. */
  send(name: string, id: string, body?: object): Promise<{ readonly position?: Position }>;
}

interface Command {
  readonly name: string;
  readonly id: string;
  readonly body?: object;
}

const senders = 24;
/**
 * Commands are about the newest, so that much happens to each of them; the older ones stay as they were left, and in the end
 * each of those has to be right.
 */
const newest = { organizations: 2, factories: 6, deleted: 4, gateways: 40 };
/** Fewer than gateways, so that one that comes back may find its own taken. */
const devices = 20;

/** @throws from `stop` whatever a command has thrown */
export function startCascadeLoad(log: EventLog, seed: number): CascadeLoad {
  const random = randomNumbers(seed);
  const organizations: string[] = [];
  const factories: string[] = [];
  const deleted: string[] = [];
  const gateways: string[] = [];
  const dependencies: CommandDependencies = {
    log: slow(log, random, 60),
    sealPassword: createEncryption(aKeyRing).seal,
    now: () => new Date(),
    hasActiveChildren: () => Promise.reject(new Error('this load never asks')),
    reservationGrace: 300,
  };
  let isStopping = false;
  let answered = 0;
  const waiting = new Set<() => void>();
  const ended = begin();
  // Whoever stops it hears of a failure; until then nobody listens.
  ended.catch(() => undefined);

  return {
    goesOn(more) {
      const target = answered + more;
      const reached = new Promise<void>((resolve) => {
        const look = () => {
          if (answered < target) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
      });
      return Promise.race([reached, ended]);
    },
    stop() {
      isStopping = true;
      return ended;
    },
    async send(name, id, body) {
      const outcome = await run({ name, id, ...(body && { body }) });
      if (outcome.outcome === 'rejected') throw new Error(`${name} was refused: ${outcome.reason}`);
      return outcome;
    },
  };

  async function begin(): Promise<void> {
    await run(createOrganization());
    await run(createFactory());
    noted(deleted, aFactory());
    await Promise.all(Array.from({ length: senders }, sendOn));
  }

  async function sendOn(): Promise<void> {
    while (!isStopping) {
      const command = nextCommand();
      await run(command);
      if (command.name === 'SoftDeleteFactory' && random.below(2) === 0) {
        // While the cascade is at it, and before the tables show what it has done.
        await pause(random.below(80));
        await run({ name: 'RestoreFactory', id: command.id });
      }
      answered += 1;
      for (const look of waiting) look();
    }
  }

  async function run({ name, id, body }: Command): Promise<Outcome<unknown>> {
    const command = commands.find((candidate) => candidate.name === name);
    if (command === undefined) throw new Error(`there is no command ${name}`);
    const sender = { actor: 'load', correlationId: 'load' };
    return command.run(dependencies, { id, body: command.body?.parse(body), query: command.query?.parse({}), sender });
  }

  /** Gateways come and go most; now and then whole factories do, and seldom an organization. */
  function nextCommand(): Command {
    const roll = random.below(100);
    if (roll < 40 || gateways.length === 0) return createGateway();
    if (roll < 50) return { name: 'MoveGateway', id: aGateway(), body: { factory_id: aFactory() } };
    if (roll < 54) return { name: 'UpdateGateway', id: aGateway(), body: { gateway_id: aDevice() } };
    if (roll < 58) return { name: 'SoftDeleteGateway', id: aGateway() };
    if (roll < 64) return { name: 'RestoreGateway', id: aGateway() };
    if (roll < 74) return { name: 'SoftDeleteFactory', id: noted(deleted, aFactory()) };
    if (roll < 86) return { name: 'RestoreFactory', id: one(deleted.slice(-newest.deleted)) };
    if (roll < 92) return createFactory();
    if (roll < 93) return createOrganization();
    if (roll < 95) return { name: 'SoftDeleteOrganization', id: anOrganization() };
    return { name: 'RestoreOrganization', id: anOrganization() };
  }

  function createOrganization(): Command {
    return { name: 'CreateOrganization', id: noted(organizations), body: { name: 'Acme' } };
  }

  function createFactory(): Command {
    const organization_id = anOrganization();
    return { name: 'CreateFactory', id: noted(factories), body: { organization_id, name: 'Berlin' } };
  }

  function createGateway(): Command {
    const login = { url: 'wss://10.0.0.1:8443/ws', email: 'gateway@acme.example', password: 'secret' };
    const body = { factory_id: aFactory(), gateway_id: aDevice(), name: 'Hall 1', ...login };
    return { name: 'CreateGateway', id: noted(gateways), body };
  }

  function anOrganization(): string {
    return one(organizations.slice(-newest.organizations));
  }

  function aFactory(): string {
    return one(factories.slice(-newest.factories));
  }

  function aGateway(): string {
    return one(gateways.slice(-newest.gateways));
  }

  function aDevice(): string {
    return `GW-${gateways.length + random.below(devices)}`;
  }

  function one(items: readonly string[]): string {
    const item = random.of(items);
    if (item === undefined) throw new Error('there is nothing to choose from');
    return item;
  }
}

function noted(ids: string[], id: string = uuidv7()): string {
  ids.push(id);
  return id;
}
