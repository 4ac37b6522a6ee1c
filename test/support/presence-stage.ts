// Where the presence process is tried among real servers: heartbeats come over NATS, events and rows come out.
import { pino } from 'pino';
import { expect } from 'vitest';
import type { EventLog } from '../../src/events/event-log.ts';
import { connectNats } from '../../src/infrastructure/nats.ts';
import { type Presence, startPresence } from '../../src/presence/presence-process.ts';
import type { PresenceTiming } from '../../src/presence/timing.ts';
import { createProgress } from '../../src/projections/progress.ts';
import { type Projector, startProjector } from '../../src/projections/projector.ts';
import { createMigratedDatabase, withClient } from './database.ts';
import { eventually } from './eventually.ts';
import { natsClient } from './nats-client.ts';
import { startNatsProcess } from './nats-process.ts';
import { anId, startRegistry } from './registry.ts';

const longestWait = 20_000;

/** Seconds of silence after which the gateways here are offline: the shortest that there is. */
export const timeout = 1;

export type PresenceStage = Awaited<ReturnType<typeof setPresenceStage>>;

const logger = pino({ level: 'silent' });
const timing: PresenceTiming = { tick: 20, refresh: 100, threshold: 0, debounce: 0, trust: 3_000, patience: 1_000 };

/**
 * A registry with one factory, whose tables follow until they are stopped.
 *
 * @param natsServer the file of the nats-server; the usual one if it is not given
 */
export async function setPresenceStage(natsServer?: string) {
  await using setting = new AsyncDisposableStack();
  const registry = setting.use(await startRegistry());
  const { url: databaseUrl } = setting.use(await createMigratedDatabase());
  const nats = setting.use(await startNatsProcess(natsServer));
  const client = setting.use(await natsClient(nats.url));
  const organization = anId();
  const factory = anId();
  await registry.run('CreateOrganization', organization, { name: 'Acme' });
  await registry.run('CreateFactory', factory, { organization_id: organization, name: 'Berlin' });
  const progress = createProgress();
  let projector: Projector | undefined;
  setting.defer(() => stopTables());
  startTables();
  const owned = setting.move();
  return {
    registry,
    nats,
    client,
    organization,
    factory,
    startTables,
    stopTables,
    tablesFollow,
    listening,
    createGateway,
    aGateway,
    beat,
    beatOnAndOn,
    becomes,
    statusOf: async (id: string) => (await presenceOf(id))?.status,
    sinceOf,
    lastEventOf,
    revisionOf: async (id: string) => (await lastEventOf(id))?.revision,
    rowOf,
    query,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };

  /** Lets the tables follow the log. */
  function startTables(): void {
    projector ??= startProjector({ databaseUrl, eventLog: registry.log, progress, logger });
  }

  /** Leaves the tables as they are. */
  async function stopTables(): Promise<void> {
    await projector?.stop();
    projector = undefined;
  }

  /** Resolves when the tables show all that is in the log by now. */
  async function tablesFollow(): Promise<void> {
    const head = await registry.log.head();
    if (head && !(await progress.reached(head, longestWait))) throw new Error('the tables do not follow');
  }

  async function listening(
    given: Partial<PresenceTiming> = {},
    log: EventLog = registry.log,
  ): Promise<Presence & AsyncDisposable> {
    const bus = connectNats({ url: nats.url, name: 'presence-test', logger });
    const backoff = { first: 20, longest: 100 };
    const presence = startPresence({ databaseUrl, log, bus, logger, timing: { ...timing, ...given }, backoff });
    await eventually(() => expect(presence.health().status).not.toBe('starting'));
    return {
      ...presence,
      async [Symbol.asyncDispose]() {
        await presence.stop();
        await bus.close();
      },
    };
  }

  /** A gateway that the tables may not have yet. */
  async function createGateway(metadata: object): Promise<string> {
    const id = anId();
    const login = { url: 'wss://10.0.0.1/ws', email: 'a@acme.example', password: 'correct horse' };
    await registry.run('CreateGateway', id, { factory_id: factory, gateway_id: id, name: 'North', ...login, metadata });
    return id;
  }

  async function aGateway(metadata: object = { offline_after_seconds: timeout }): Promise<string> {
    const id = await createGateway(metadata);
    await tablesFollow();
    return id;
  }

  function beat(id: string): void {
    client.connection.publish(`mti.hb.v1.${organization}.${id}`);
  }

  function beatOnAndOn(id: string): Disposable {
    const timer = setInterval(() => beat(id), 50);
    return { [Symbol.dispose]: () => clearInterval(timer) };
  }

  async function becomes(id: string, status: 'online' | 'offline'): Promise<void> {
    await eventually(async () => expect((await presenceOf(id))?.status).toBe(status));
  }

  async function sinceOf(id: string): Promise<Date> {
    const presence = await presenceOf(id);
    if (presence === undefined) throw new Error(`${id} was never seen`);
    return presence.since;
  }

  function lastEventOf(id: string) {
    return registry.log.readLast(`gatewayPresence-${id}`);
  }

  async function presenceOf(id: string): Promise<{ readonly status: string; readonly since: Date } | undefined> {
    return (await query('SELECT * FROM gateway_presence WHERE id = $1', [id])).rows[0];
  }

  async function rowOf(id: string): Promise<GatewayRow> {
    return (await query('SELECT * FROM gateways WHERE id = $1', [id])).rows[0];
  }

  function query(text: string, values: readonly unknown[]) {
    return withClient(databaseUrl, (connection) => connection.query(text, [...values]));
  }
}

interface GatewayRow {
  readonly last_seen_at: Date | null;
  readonly created_at: Date;
  readonly updated_at: Date;
  readonly stream_revision: string;
}
