import fc from 'fast-check';
import pino from 'pino';
import { describe, expect, it } from 'vitest';
import {
  aCause,
  aFactory,
  aGateway,
  anOrganization,
  anotherFactory,
  aPasswordEncrypted,
  factoryCreated,
  factoryRestored,
  factorySoftDeleted,
  factoryUpdated,
  gatewayCreated,
  gatewayIdReservationAbandoned,
  gatewayMoved,
  gatewayPasswordChanged,
  gatewayPasswordReencrypted,
  gatewayRestorationRefused,
  gatewayRestored,
  gatewaySoftDeleted,
  gatewayUpdated,
  organizationCreated,
  organizationRestored,
  organizationSoftDeleted,
  organizationUpdated,
  stored,
  storedInOrder,
} from '../../test/support/examples.ts';
import { givenLog } from '../../test/support/given-log.ts';
import { lives } from '../../test/support/lives.ts';
import { readingLog } from '../../test/support/reading-log.ts';
import type { RegistryEvent } from '../events/catalogue.ts';
import { decode, type Recorded } from '../events/codec.ts';
import { type EventLog, EventLogUnavailable, type StoredEvent } from '../events/event-log.ts';
import type { GatewayEvent } from '../events/gateway.ts';
import { createHttpServer } from '../http/server.ts';
import { foldGateway, type RecordedGateway } from '../resources/gateway.ts';
import { type History, type HistoryEvent, tell } from './history.ts';
import { gateways, retell } from './life.ts';
import { queryRoutes } from './routes.ts';

const of = {
  organization: `/api/organizations/${anOrganization}/history`,
  factory: `/api/factories/${aFactory}/history`,
  gateway: `/api/gateways/${aGateway}/history`,
};

describe('an event in a history', () => {
  it('has its revision, time, actor, correlation, cause and type', async () => {
    const { data } = (await ask(of.organization, organizationCreated(), organizationUpdated())).json() as History;
    expect(data[0]).toEqual({
      revision: 1,
      event_id: '0194e000-0000-7000-8000-0000000000c8',
      type: 'OrganizationUpdated',
      occurred_at: '2026-01-02T03:04:06.678Z',
      actor: 'a-tester',
      correlation_id: 'a-correlation',
      causation_id: 'a-command',
      changes: { name: { before: 'Acme', after: 'Acme Industries' } },
    });
  });

  const born = { before: null };

  it.each<[string, string, RegistryEvent[], HistoryEvent['changes']]>([
    [
      'the creation of an organization',
      of.organization,
      [organizationCreated()],
      { name: { ...born, after: 'Acme' }, metadata: { ...born, after: { country: 'DE' } } },
    ],
    [
      'metadata',
      of.organization,
      [organizationCreated(), organizationUpdated({ metadata: { country: 'AT' } })],
      { metadata: { before: { country: 'DE' }, after: { country: 'AT' } } },
    ],
    [
      'a deletion',
      of.organization,
      [organizationCreated(), organizationSoftDeleted()],
      { deleted_at: { before: null, after: '2026-01-02T03:04:06.678Z' } },
    ],
    [
      'a restoration',
      of.organization,
      [organizationCreated(), organizationSoftDeleted(), organizationRestored()],
      { deleted_at: { before: '2026-01-02T03:04:06.678Z', after: null } },
    ],
    [
      'the creation of a factory, of which nobody has said where it is',
      of.factory,
      [factoryCreated({ location: null })],
      {
        organization_id: { ...born, after: anOrganization },
        name: { ...born, after: 'Acme Berlin' },
        timezone: { ...born, after: 'Europe/Berlin' },
        metadata: { ...born, after: { halls: 3 } },
      },
    ],
    [
      'fields of a factory',
      of.factory,
      [factoryCreated(), factoryUpdated({ location: null, timezone: 'Asia/Tokyo' })],
      {
        location: { before: 'Berlin, Germany', after: null },
        timezone: { before: 'Europe/Berlin', after: 'Asia/Tokyo' },
      },
    ],
    [
      'the deletion of a factory',
      of.factory,
      [factoryCreated(), factorySoftDeleted()],
      { deleted_at: { before: null, after: '2026-01-02T03:04:06.678Z' } },
    ],
    [
      'the restoration of a factory',
      of.factory,
      [factoryCreated(), factorySoftDeleted(), factoryRestored()],
      { deleted_at: { before: '2026-01-02T03:04:06.678Z', after: null } },
    ],
    [
      'the creation of a gateway',
      of.gateway,
      [gatewayCreated({ model: null })],
      {
        factory_id: { ...born, after: aFactory },
        organization_id: { ...born, after: anOrganization },
        gateway_id: { ...born, after: 'GW-0001' },
        name: { ...born, after: 'Hall 1, north' },
        url: { ...born, after: 'wss://10.0.0.1:8443/ws' },
        email: { ...born, after: 'gateway-0001@acme.example' },
        firmware_version: { ...born, after: '1.4.2' },
        metadata: { ...born, after: { rack: 7 } },
        password: 'set',
      },
    ],
    [
      'fields of a gateway, of which one is as it was',
      of.gateway,
      [gatewayCreated(), gatewayUpdated({ model: 'SG-200', firmwareVersion: '1.5.0' })],
      { firmware_version: { before: '1.4.2', after: '1.5.0' } },
    ],
    ['a password', of.gateway, [gatewayCreated(), gatewayPasswordChanged()], { password: 'changed' }],
    [
      'another key for a password',
      of.gateway,
      [gatewayCreated(), gatewayPasswordReencrypted()],
      { password: 'encrypted anew' },
    ],
    [
      'a move',
      of.gateway,
      [gatewayCreated(), gatewayMoved()],
      { factory_id: { before: aFactory, after: anotherFactory } },
    ],
  ])('tells the fields that changed: %s', async (_, url, events, changes) => {
    const { data } = (await ask(url, ...events)).json() as History;
    expect(data[0]?.changes).toEqual(changes);
    expect(data[0]).not.toHaveProperty('description');
  });

  it.each([
    ['FactorySoftDeleted', of.factory, [factoryCreated(), factorySoftDeleted({ cause: aCause })]],
    ['GatewaySoftDeleted', of.gateway, [gatewayCreated(), gatewaySoftDeleted({ cause: aCause })]],
    [
      'GatewayRestored',
      of.gateway,
      [gatewayCreated(), gatewaySoftDeleted({ cause: aCause }), gatewayRestored({ cause: aCause })],
    ],
    [
      'GatewayRestorationRefused',
      of.gateway,
      [gatewayCreated(), gatewaySoftDeleted({ cause: aCause }), gatewayRestorationRefused()],
    ],
  ])('names the event of its parent that it follows from: %s', async (type, url, events) => {
    const { data } = (await ask(url, ...events)).json() as History;
    expect(data[0]).toMatchObject({ type, cause: aCause });
  });

  it('names no event of a parent when there was none', async () => {
    const { data } = (await ask(of.gateway, gatewayCreated(), gatewaySoftDeleted())).json() as History;
    expect(data[0]).not.toHaveProperty('cause');
  });

  it('tells why a gateway was not restored', async () => {
    const events = [gatewayCreated(), gatewaySoftDeleted({ cause: aCause }), gatewayRestorationRefused()];
    const { data } = (await ask(of.gateway, ...events)).json() as History;
    expect(data[0]).toMatchObject({
      reason: 'GatewayIdTaken',
      description: expect.stringMatching(/stays deleted/),
      changes: {},
    });
  });

  it('says what it is when nothing changed by it', async () => {
    const { data } = (await ask(of.gateway, gatewayIdReservationAbandoned(), gatewayCreated())).json() as History;
    expect(data[1]).toMatchObject({ description: expect.stringMatching(/^The command that reserved/), changes: {} });
    expect(data[0]?.changes).toMatchObject({ name: { before: null, after: 'Hall 1, north' } });
  });

  it('is there, and says that it cannot be read, when this version does not know its type', async () => {
    const [created, unknown, updated] = storedInOrder(gatewayCreated(), gatewayMoved(), gatewayUpdated());
    const log = givenLog(...[created, unknown && { ...unknown, type: 'GatewayRepainted' }, updated].filter(isThere));
    const { data } = (await inject(log, of.gateway)).json() as History;
    expect(data.map(({ type }) => type)).toEqual(['GatewayUpdated', 'GatewayRepainted', 'GatewayCreated']);
    expect(data[1]).toMatchObject({
      revision: 1,
      occurred_at: '2026-01-02T03:04:06.678Z',
      actor: 'a-tester',
      description: expect.stringMatching(/cannot read it/),
      changes: {},
    });
    expect(data[0]?.changes).toEqual({ name: { before: 'Hall 1, north', after: 'Hall 1, south' } });
  });

  it.each([
    ['data', { data: { id: 7 } }, 'a-tester'],
    ['metadata', { metadata: 'who knows' }, null],
    ['a version that is to come', { metadata: { actor: 'another', schemaVersion: 99 } }, 'another'],
  ])('is there, and says that it cannot be read, with %s that nobody expects', async (_, odd, actor) => {
    const [created, moved] = storedInOrder(gatewayCreated(), gatewayMoved());
    const log = givenLog(...[created, moved && { ...moved, ...odd }].filter(isThere));
    const answer = await inject(log, of.gateway);
    expect(answer.statusCode).toBe(200);
    expect((answer.json() as History).data[0]).toMatchObject({
      type: 'GatewayMoved',
      actor,
      description: expect.stringMatching(/cannot read it/),
      changes: {},
    });
  });

  it('changes nothing when it is of another kind', async () => {
    const stray = stored(factoryUpdated(), { stream: `gateway-${aGateway}`, revision: 1n });
    const log = givenLog(stored(gatewayCreated(), { revision: 0n }), stray);
    const { data } = (await inject(log, of.gateway)).json() as History;
    expect(data[0]).toMatchObject({ type: 'FactoryUpdated', changes: {} });
  });
});

describe('a history', () => {
  it('is what one comes to by following the changes from the first to the last', () => {
    fc.assert(
      fc.property(lives, (life) => {
        const followed: Record<string, unknown> = {};
        for (const { changes } of retell(gateways, life).map(tell)) {
          for (const [field, change] of Object.entries(changes)) {
            if (typeof change === 'string') continue;
            expect(followed[field] ?? null).toEqual(change.before);
            followed[field] = change.after;
          }
        }
        const { id: _, created_at, updated_at, ...present } = presentOf(life);
        const nothing = Object.fromEntries(Object.keys(present).map((field) => [field, null]));
        expect({ deleted_at: null, ...nothing, ...followed }).toEqual({ ...present, deleted_at: deletedAt(life) });
      }),
    );
  });

  it('has no password, encrypted or not', async () => {
    const events = [gatewayCreated(), gatewayPasswordChanged(), gatewayPasswordReencrypted(), gatewayUpdated()];
    const { body } = await ask(of.gateway, ...events);
    expect(body).toContain('"password":"changed"');
    expect(body).not.toMatch(/ciphertext|passwordEncrypted|password_encrypted|reservation/i);
    expect(body).not.toContain(aPasswordEncrypted);
  });

  it('is there of what is deleted', async () => {
    const answer = await ask(of.gateway, gatewayCreated(), gatewaySoftDeleted());
    expect(answer.statusCode).toBe(200);
    expect((answer.json() as History).data).toHaveLength(2);
  });

  it('comes in pages, newest first', async () => {
    const events = [gatewayCreated(), ...Array.from({ length: 6 }, (_, n) => gatewayUpdated({ name: `${n}` }))];
    const log = givenLog(...storedInOrder(...events));
    const first = (await inject(log, `${of.gateway}?limit=3`)).json() as History;
    expect(revisionsOf(first)).toEqual([6, 5, 4]);
    expect(first.pagination).toEqual({ total: 7, limit: 3, hasNext: true, nextBefore: 4 });
    const second = (await inject(log, `${of.gateway}?limit=3&before=4`)).json() as History;
    expect(revisionsOf(second)).toEqual([3, 2, 1]);
    expect(second.data[2]?.changes).toEqual({ name: { before: 'Hall 1, north', after: '0' } });
    expect(second.pagination).toEqual({ total: 7, limit: 3, hasNext: true, nextBefore: 1 });
    const last = (await inject(log, `${of.gateway}?limit=3&before=1`)).json() as History;
    expect(revisionsOf(last)).toEqual([0]);
    expect(last.pagination).toEqual({ total: 7, limit: 3, hasNext: false });
  });

  it('is read no further than to the page that is asked for', async () => {
    const events = [gatewayCreated(), ...Array.from({ length: 6 }, (_, n) => gatewayUpdated({ name: `${n}` }))];
    const { log, revisions } = readingLog(givenLog(...storedInOrder(...events)));
    const page = (await inject(log, `${of.gateway}?limit=2&before=3`)).json() as History;
    expect([revisionsOf(page), page.pagination.total]).toEqual([[2, 1], 7]);
    expect(revisions).toEqual([0n, 1n, 2n]);
  });

  it('is the same in pages of any size', async () => {
    const anyPage = fc.tuple(lives, fc.integer({ min: 1, max: 100 }));
    await fc.assert(
      fc.asyncProperty(anyPage, async ([life, limit]) => {
        const log = givenLog(...life);
        const revisions: number[] = [];
        for (let before: number | undefined = life.length; before !== undefined; ) {
          const url = `${of.gateway}?limit=${limit}&before=${before}`;
          const page = (await inject(log, url)).json() as History;
          revisions.push(...revisionsOf(page));
          before = page.pagination.nextBefore;
        }
        expect(revisions).toEqual(life.map(({ revision }) => Number(revision)).reverse());
      }),
      { numRuns: 20 },
    );
  });

  it('has nothing before its beginning, and twenty events without a limit', async () => {
    const events = [gatewayCreated(), ...Array.from({ length: 30 }, (_, n) => gatewayUpdated({ name: `${n}` }))];
    const log = givenLog(...storedInOrder(...events));
    expect((await inject(log, of.gateway)).json().pagination).toMatchObject({ limit: 20, nextBefore: 11 });
    const nothing = (await inject(log, `${of.gateway}?before=0`)).json();
    expect(nothing).toEqual({ data: [], pagination: { total: 31, limit: 20, hasNext: false } });
  });

  it.each(['limit=0', 'limit=101', 'limit=x', 'before=-1', 'before=1.5', 'before=', 'as_of=now', 'before=1&before=2'])(
    'refuses %s',
    async (query) => {
      const answer = await ask(`${of.gateway}?${query}`, gatewayCreated());
      expect([answer.statusCode, answer.json().error.code]).toEqual([400, 'VALIDATION_ERROR']);
      expect(answer.json().error.details).toHaveLength(1);
    },
  );

  it.each([
    ['ORGANIZATION_NOT_FOUND', of.organization, []],
    ['FACTORY_NOT_FOUND', of.factory, []],
    ['GATEWAY_NOT_FOUND', of.gateway, []],
    ['GATEWAY_NOT_FOUND', of.gateway, [gatewayIdReservationAbandoned()]],
  ] as const)('is not there when there was no creation: %s', async (code, url, events) => {
    const answer = await ask(url, ...events);
    expect([answer.statusCode, answer.json().error.code]).toEqual([404, code]);
  });

  it('is not to be had while the event store is away', async () => {
    const log = { ...givenLog(), read: () => Promise.reject(new EventLogUnavailable('away')) };
    expect((await inject(log, of.gateway)).statusCode).toBe(503);
  });
});

function presentOf(life: readonly StoredEvent[]): RecordedGateway {
  const present = life.reduce<RecordedGateway | undefined>(
    (gateway, event) => foldGateway(gateway, decode(event) as Recorded<GatewayEvent>),
    undefined,
  );
  if (present === undefined) throw new Error('this life has no beginning');
  return present;
}

function deletedAt(life: readonly StoredEvent[]): string | null {
  const last = life.findLast(({ type }) => type === 'GatewaySoftDeleted' || type === 'GatewayRestored');
  return last?.type === 'GatewaySoftDeleted' ? (last.metadata as { occurredAt: string }).occurredAt : null;
}

function revisionsOf({ data }: History): readonly number[] {
  return data.map(({ revision }) => revision);
}

function isThere(event: StoredEvent | undefined): event is StoredEvent {
  return event !== undefined;
}

function ask(url: string, ...events: readonly RegistryEvent[]) {
  return inject(givenLog(...storedInOrder(...events)), url);
}

// There is no Postgres.
async function inject(log: EventLog, url: string) {
  await using app = await createHttpServer({
    logger: pino({ level: 'silent' }),
    corsOrigins: [],
    isUnavailable: (error) => error instanceof EventLogUnavailable,
  });
  const away = () => Promise.reject(new Error('nobody needs Postgres for this'));
  queryRoutes(app, { log, pool: { any: away, maybeOne: away, end: away }, readModelReaches: away });
  return await app.inject(url);
}
