// What happens while the cascade is killed: commands at random about few things, from several senders at once.
import type { CommandDependencies, Outcome } from '../../src/commands/handler.ts';
import { commands } from '../../src/commands/index.ts';
import type { EventLog, Position } from '../../src/events/event-log.ts';
import { uuidv7 } from '../../src/events/new-id.ts';
import { createEncryption } from '../../src/infrastructure/encryption.ts';
import { aKeyRing } from '../support/key-rings.ts';
import { type Random, randomNumbers } from './random.ts';

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

const senders = 6;
const organizations = idsOf(3);
const factories = idsOf(8);
const gateways = idsOf(60);
/** Fewer than gateways, so that one that comes back may find its own taken. */
const devices = 45;

/** @throws from `stop` whatever a command has thrown */
export function startCascadeLoad(log: EventLog, seed: number): CascadeLoad {
  const dependencies: CommandDependencies = {
    log,
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
    const random = randomNumbers(seed);
    for (const id of organizations) await run({ name: 'CreateOrganization', id, body: { name: 'Acme' } });
    for (const id of factories) await run(createFactory(random, id));
    await Promise.all(Array.from({ length: senders }, (_, number) => sendOn(randomNumbers(seed + 1 + number))));
  }

  async function sendOn(random: Random): Promise<void> {
    while (!isStopping) {
      await run(nextCommand(random));
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
}

/** Gateways come and go most; now and then whole factories do, and seldom an organization. */
function nextCommand(random: Random): Command {
  const roll = random.below(100);
  if (roll < 35) return createGateway(random);
  if (roll < 45)
    return { name: 'MoveGateway', id: one(random, gateways), body: { factory_id: one(random, factories) } };
  if (roll < 52) return { name: 'UpdateGateway', id: one(random, gateways), body: { gateway_id: device(random) } };
  if (roll < 57) return { name: 'SoftDeleteGateway', id: one(random, gateways) };
  if (roll < 67) return { name: 'RestoreGateway', id: one(random, gateways) };
  if (roll < 77) return { name: 'SoftDeleteFactory', id: one(random, factories) };
  if (roll < 91) return { name: 'RestoreFactory', id: one(random, factories) };
  if (roll < 93) return createFactory(random, uuidv7());
  if (roll < 95) return { name: 'SoftDeleteOrganization', id: one(random, organizations) };
  return { name: 'RestoreOrganization', id: one(random, organizations) };
}

function createFactory(random: Random, id: string): Command {
  return { name: 'CreateFactory', id, body: { organization_id: one(random, organizations), name: 'Berlin' } };
}

function createGateway(random: Random): Command {
  const login = { url: 'wss://10.0.0.1:8443/ws', email: 'gateway@acme.example', password: 'secret' };
  const body = { factory_id: one(random, factories), gateway_id: device(random), name: 'Hall 1', ...login };
  return { name: 'CreateGateway', id: one(random, gateways), body };
}

function device(random: Random): string {
  return `GW-${random.below(devices)}`;
}

function one<T>(random: Random, items: readonly T[]): T {
  const item = random.of(items);
  if (item === undefined) throw new Error('there is nothing to choose from');
  return item;
}

function idsOf(count: number): readonly string[] {
  return Array.from({ length: count }, () => uuidv7());
}
