// Commands without end, through the handlers of the service, and gateways that come and go: EVENTSTORE_URL, SEED, LONGEST_REST
// (for so many milliseconds at most a writer rests after a command). A command that finds the event store away is sent again,
// about the same aggregate, until it is answered. It tells its parent of every answer, finishes what it has begun when the
// parent says anything, and ends with it.
import { z } from 'zod';
import { commands } from '../../src/commands/index.ts';
import type { GatewayIds } from '../../src/domain/gateway.ts';
import { EventLogUnavailable } from '../../src/events/event-log.ts';
import { FactoryId, GatewayId, OrganizationId } from '../../src/events/ids.ts';
import { uuidv7 } from '../../src/events/new-id.ts';
import { createEncryption } from '../../src/infrastructure/encryption.ts';
import { connectEventStore } from '../../src/infrastructure/event-store.ts';
import { isStrayRejection } from '../../src/infrastructure/event-store-errors.ts';
import { pauseFor } from '../../src/infrastructure/lifecycle.ts';
import { nothingRecorded, recordChange } from '../../src/presence/recorder.ts';
import type { KnownPresence } from '../../src/presence/roster.ts';
import { aKeyRing } from '../support/key-rings.ts';
import { type Random, randomNumbers } from './random.ts';

export interface LoadReport {
  /** How many commands were answered. */
  readonly answered: number;
  /** How many of the commands that there are have not been accepted yet. */
  readonly untried: number;
  /** How often the event store was away. */
  readonly unavailable: number;
}

interface Command {
  readonly name: string;
  readonly kind: Kind;
  readonly id: string;
  readonly body?: object;
}

type Kind = 'Organization' | 'Factory' | 'Gateway';

const writers = 12;
/** Commands are about the newest of each kind, so that each stream gets many of them, and none too many. */
const newest = 30;
/** Short, so that a device id whose taker died is fought for soon. */
const reservationGrace = 300;

const known: Readonly<Record<Kind, string[]>> = { Organization: [], Factory: [], Gateway: [] };
const deleted: Readonly<Record<Kind, string[]>> = { Organization: [], Factory: [], Gateway: [] };
const gateways = new Map<string, GatewayIds>();
const presences = new Map<string, KnownPresence>();
const Gateway = z.object({ id: GatewayId, factory_id: FactoryId, organization_id: OrganizationId });
const stopping = new AbortController();
const untried = new Set(commands.map(({ name }) => name));
let answered = 0;
let unavailable = 0;

process.once('disconnect', () => process.exit(1));
process.on('unhandledRejection', (error) => {
  if (!isStrayRejection(error)) throw error;
});
process.once('message', () => stopping.abort());

const { EVENTSTORE_URL: url = '', SEED = '', LONGEST_REST = '0' } = process.env;
const longestRest = Number(LONGEST_REST);
const log = connectEventStore({ url });
const dependencies = {
  log,
  sealPassword: createEncryption(aKeyRing).seal,
  now: () => new Date(),
  hasActiveChildren: () => Promise.reject(new Error('this load never asks')),
  reservationGrace,
};
await Promise.all(Array.from({ length: writers }, (_, number) => write(randomNumbers(Number(SEED) + number))));
await log.close();
process.disconnect();
process.exit(0);

async function write(random: Random): Promise<void> {
  for (let n = 0; !stopping.signal.aborted; n++) {
    if (random.below(4) === 0) await comeOrGo(random);
    const command = nextCommand(random, n);
    if (command === undefined) continue;
    const outcome = await untilAnswered(() => run(command));
    if (outcome.outcome === 'accepted') note(command, outcome.resource);
    answered += 1;
    report();
    if (longestRest > 0) await pauseFor(random.below(longestRest), stopping.signal);
  }
}

/** One of the newest gateways is heard of that was not, or falls silent. */
async function comeOrGo(random: Random): Promise<void> {
  const id = random.of(known.Gateway.slice(-newest));
  const gateway = id === undefined ? undefined : gateways.get(id);
  if (gateway === undefined) return;
  const before = presences.get(gateway.id) ?? nothingRecorded;
  const type = before.state.status === 'online' ? 'DisconnectGateway' : 'ConnectGateway';
  const now = new Date();
  const command = { type, gateway, lastSeenAt: now.toISOString() } as const;
  presences.set(gateway.id, await untilAnswered(() => recordChange(log, command, before, now)));
}

async function run({ name, id, body }: Command) {
  const command = commands.find((candidate) => candidate.name === name);
  if (command === undefined) throw new Error(`there is no command ${name}`);
  return await command.run(dependencies, {
    id,
    body: command.body?.parse(body),
    query: command.query?.parse({}),
    sender: { actor: 'load', correlationId: 'load' },
  });
}

async function untilAnswered<Answer>(ask: () => Promise<Answer>): Promise<Answer> {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof EventLogUnavailable)) throw error;
      unavailable += 1;
      report();
      await pauseFor(20, AbortSignal.timeout(1_000));
    }
  }
}

function report(): void {
  const told: LoadReport = { answered, untried: untried.size, unavailable };
  process.send?.(told);
}

function note({ name, kind, id }: Command, resource: unknown): void {
  untried.delete(name);
  if (kind === 'Gateway') {
    const { id, factory_id, organization_id } = Gateway.parse(resource);
    gateways.set(id, { id, factoryId: factory_id, organizationId: organization_id });
  }
  if (name.startsWith('Create')) known[kind].push(id);
  if (name.startsWith('SoftDelete')) deleted[kind].push(id);
  if (name.startsWith('Restore')) deleted[kind].splice(deleted[kind].indexOf(id), 1);
}

function nextCommand(random: Random, n: number): Command | undefined {
  const kind = random.of<Kind>(['Organization', 'Factory', 'Factory', 'Gateway', 'Gateway', 'Gateway', 'Gateway']);
  const verb = random.of([
    'Create',
    'Create',
    'Update',
    'Update',
    'Update',
    'SoftDelete',
    'Restore',
    'Restore',
    'Move',
  ]);
  if (kind === undefined || verb === undefined) return undefined;
  if (verb === 'Create') {
    const body = bodyToCreate(kind, random, n);
    return body && { name: `Create${kind}`, kind, id: uuidv7(), body };
  }
  if (verb === 'Move') return nextMove(random);
  const id = verb === 'Restore' ? random.of(deleted[kind]) : random.of(known[kind].slice(-newest));
  if (id === undefined) return undefined;
  return { name: `${verb}${kind}`, kind, id, ...(verb === 'Update' && { body: bodyToUpdate(kind, random, n) }) };
}

/** Most are refused, because a gateway stays in its organization. */
function nextMove(random: Random): Command | undefined {
  const id = random.of(known.Gateway.slice(-newest));
  const factory_id = random.of(known.Factory.slice(-newest));
  return id && factory_id ? { name: 'MoveGateway', kind: 'Gateway', id, body: { factory_id } } : undefined;
}

function bodyToCreate(kind: Kind, random: Random, n: number): object | undefined {
  const fields = { name: `${kind} ${n}`, metadata: { n, nested: [{ 'ключ "quoted"': null }] } };
  if (kind === 'Organization') return fields;
  if (kind === 'Factory') {
    const organization_id = random.of(known.Organization.slice(-newest));
    return organization_id === undefined ? undefined : { ...fields, organization_id, timezone: 'Europe/Berlin' };
  }
  const factory_id = random.of(known.Factory.slice(-newest));
  if (factory_id === undefined) return undefined;
  const login = { url: 'wss://10.0.0.1:8443/ws', email: 'gateway@acme.example', password: `secret ${n}` };
  return { ...fields, ...login, factory_id, gateway_id: deviceId(random), model: 'SG-200' };
}

function bodyToUpdate(kind: Kind, random: Random, n: number): object {
  const name = { name: `${kind}, changed ${n}` };
  if (kind === 'Organization') return random.of([name, { metadata: { n } }]) ?? name;
  if (kind === 'Factory')
    return random.of([name, { location: `Hall ${n}` }, { location: null, metadata: { n } }]) ?? name;
  const bodies = [
    name,
    { gateway_id: deviceId(random) },
    { gateway_id: deviceId(random), ...name },
    { password: `secret ${n}` },
    { ...name, password: `secret ${n}`, firmware_version: `1.${n}` },
    { model: null },
  ];
  return random.of(bodies) ?? name;
}

/** Few, and always near the newest gateways, so that they are taken, freed and taken again. */
function deviceId(random: Random): string {
  return `GW-${known.Gateway.length + random.below(newest)}`;
}
