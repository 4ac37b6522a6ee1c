import fc from 'fast-check';
import pino from 'pino';
import { describe, expect, it } from 'vitest';
import {
  aFactory,
  aGateway,
  anOrganization,
  factoryCreated,
  factoryUpdated,
  gatewayCreated,
  gatewayIdReservationAbandoned,
  gatewayMoved,
  gatewayPasswordReencrypted,
  gatewayRestored,
  gatewaySoftDeleted,
  gatewayUpdated,
  now,
  organizationCreated,
  organizationSoftDeleted,
  organizationUpdated,
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
import { FactoryResource } from '../resources/factory.ts';
import { foldGateway, RecordedGateway } from '../resources/gateway.ts';
import { OrganizationResource } from '../resources/organization.ts';
import { gateways } from './life.ts';
import { findPast } from './past.ts';
import { queryRoutes } from './routes.ts';

const of = {
  organization: `/api/organizations/${anOrganization}`,
  factory: `/api/factories/${aFactory}`,
  gateway: `/api/gateways/${aGateway}`,
};

// At :05.678, :06.678, :07.678 and :08.678 of 03:04.
const aLife = [gatewayCreated(), gatewayUpdated({ name: 'Second' }), gatewaySoftDeleted(), gatewayRestored()];

describe('a resource at a revision', () => {
  it('is as it was then, with that revision as its ETag', async () => {
    const answer = await ask(`${of.gateway}?revision=0`, ...aLife);
    expect(answer.statusCode).toBe(200);
    expect(answer.headers.etag).toBe('"0"');
    expect(answer.json()).toMatchObject({ id: aGateway, name: 'Hall 1, north', created_at: now, updated_at: now });
    const second = await ask(`${of.gateway}?revision=1`, ...aLife);
    expect([second.headers.etag, second.json().name]).toEqual(['"1"', 'Second']);
  });

  it.each([
    [of.organization, [organizationCreated(), organizationUpdated()], OrganizationResource],
    [of.factory, [factoryCreated(), factoryUpdated()], FactoryResource],
    [of.gateway, [gatewayCreated(), gatewayUpdated()], RecordedGateway],
  ])('has the public shape, without what is only observed, and nothing else: %s', async (url, events, resource) => {
    const body = (await ask(`${url}?revision=1`, ...events)).json();
    expect(resource.strict().parse(body)).toEqual(body);
  });

  it('is not there when it was deleted then, unless what is deleted is asked for', async () => {
    const gone = await ask(`${of.gateway}?revision=2`, ...aLife);
    expect([gone.statusCode, gone.json().error.code]).toEqual([404, 'GATEWAY_NOT_FOUND']);
    expect(gone.json().error.message).toContain('include_deleted=true');
    const shown = await ask(`${of.gateway}?revision=2&include_deleted=true`, ...aLife);
    expect([shown.statusCode, shown.headers.etag]).toEqual([200, '"2"']);
    expect(shown.json()).toMatchObject({ name: 'Second', deleted_at: '2026-01-02T03:04:07.678Z' });
    const restored = await ask(`${of.gateway}?revision=3&include_deleted=true`, ...aLife);
    expect(restored.json()).toMatchObject({ deleted_at: null });
  });

  it('is not there before its creation', async () => {
    const events = [gatewayIdReservationAbandoned(), gatewayCreated()];
    const answer = await ask(`${of.gateway}?revision=0`, ...events);
    expect([answer.statusCode, answer.json().error.message]).toEqual([404, 'The gateway was not there yet.']);
    expect((await ask(`${of.gateway}?revision=1`, ...events)).statusCode).toBe(200);
  });

  it('is read no further than to that revision', async () => {
    const { log, revisions } = readingLog(givenLog(...storedInOrder(...aLife)));
    expect((await inject(log, `${of.gateway}?revision=1`)).statusCode).toBe(200);
    expect(revisions).toEqual([0n, 1n]);
  });

  it('is not there beyond its latest revision, which the answer names', async () => {
    const { statusCode, json } = await ask(`${of.gateway}?revision=4`, ...aLife);
    expect([statusCode, json().error.code]).toEqual([404, 'GATEWAY_NOT_FOUND']);
    expect(json().error.message).toBe('The gateway has no revision 4 yet: the latest is 3.');
  });
});

describe('a resource as of an instant', () => {
  it.each([
    ['2026-01-02T03:04:05.678Z', 'Hall 1, north', '"0"'],
    ['2026-01-02T03:04:06.677Z', 'Hall 1, north', '"0"'],
    ['2026-01-02T03:04:06.677999Z', 'Hall 1, north', '"0"'],
    ['2026-01-02T03:04:06.678Z', 'Second', '"1"'],
    ['2026-01-02T03:04:07Z', 'Second', '"1"'],
    ['2026-01-02T04:04:06.678%2B01:00', 'Second', '"1"'],
    ['2026-01-02T04:04:06.678+01:00', 'Second', '"1"'],
    ['2026-01-01T17:34:06.678-09:30', 'Second', '"1"'],
    ['2026-01-02T03:05:00Z', 'Second', '"3"'],
    ['9999-12-31T23:59:59.999999999999Z', 'Second', '"3"'],
  ])('is as it was after what had happened by then, that instant included: %s', async (instant, name, etag) => {
    const answer = await ask(`${of.gateway}?as_of=${instant}`, ...aLife);
    expect([answer.statusCode, answer.json().name, answer.headers.etag]).toEqual([200, name, etag]);
  });

  it.each(['2026-01-02T03:04:05.677Z', '0001-01-01T00:00:00Z'])('is not there before its creation: %s', async (at) => {
    const answer = await ask(`${of.gateway}?as_of=${at}`, ...aLife);
    expect([answer.statusCode, answer.json().error.message]).toEqual([404, 'The gateway was not there yet.']);
  });

  it('is not there when it was deleted then, unless what is deleted is asked for', async () => {
    const url = `${of.organization}?as_of=2026-01-02T04:00:00Z`;
    const events = [organizationCreated(), organizationSoftDeleted()];
    expect((await ask(url, ...events)).statusCode).toBe(404);
    const shown = await ask(`${url}&include_deleted=true`, ...events);
    expect(shown.json()).toMatchObject({ name: 'Acme', deleted_at: '2026-01-02T03:04:06.678Z' });
  });

  it.each([
    ['ORGANIZATION_NOT_FOUND', of.organization],
    ['FACTORY_NOT_FOUND', of.factory],
    ['GATEWAY_NOT_FOUND', of.gateway],
  ])('is not there when it was never created: %s', async (code, url) => {
    const answer = await ask(`${url}?as_of=2026-01-02T04:00:00Z`);
    expect([answer.statusCode, answer.json().error.code]).toEqual([404, code]);
  });
});

describe('the past', () => {
  it('is at each revision, and between any two events, what had become of it by then', async () => {
    await fc.assert(
      fc.asyncProperty(lives, async (life) => {
        for (const [index, event] of life.entries()) {
          const atRevision = { revision: event.revision };
          expect(await past(life, atRevision)).toEqual(foldedFrom(life.slice(0, index + 1)));
          const instant = Date.parse(timeOf(event));
          const next = life[index + 1];
          const isLastOfItsTime = next === undefined || timeOf(next) !== timeOf(event);
          if (!isLastOfItsTime) continue;
          expect(await past(life, { instant })).toEqual(foldedFrom(life.slice(0, index + 1)));
          expect(await past(life, { instant: instant - 1 })).toEqual(
            foldedFrom(life.filter((earlier) => Date.parse(timeOf(earlier)) < instant)),
          );
        }
      }),
    );
  });

  it.each([
    ['data that its version does not promise', { data: {} }],
    ['a type that this version does not know', { type: 'GatewayRepainted' }],
  ])('is not made up of half the story, and the log says which event it is that has %s', async (_, odd) => {
    const [created, moved, updated] = storedInOrder(gatewayCreated(), gatewayMoved(), gatewayUpdated());
    const unreadable = moved && { ...moved, ...odd };
    const log = givenLog(...[created, unreadable, updated].filter(isThere));
    expect((await inject(log, `${of.gateway}?revision=0`)).statusCode).toBe(200);
    for (const query of ['revision=1', 'revision=2', 'as_of=2026-01-02T03:05:00Z']) {
      const lines: string[] = [];
      const { statusCode, json } = await inject(log, `${of.gateway}?${query}`, {}, lines);
      expect([statusCode, json().error.code]).toEqual([500, 'INTERNAL_ERROR']);
      expect(lines.join('')).toContain(`${unreadable?.type} at revision 1 of gateway-${aGateway}`);
    }
  });

  it('has no password', async () => {
    const { body } = await ask(`${of.gateway}?revision=1`, gatewayCreated(), gatewayPasswordReencrypted());
    expect(body).not.toMatch(/password|ciphertext/i);
  });

  it('does not depend on how far the tables are', async () => {
    const headers = { 'x-min-position': '99999', prefer: 'wait=0' };
    const log = givenLog(...storedInOrder(...aLife));
    for (const query of ['revision=1', 'as_of=2026-01-02T03:04:06.678Z']) {
      const answer = await inject(log, `${of.gateway}?${query}`, headers);
      expect([answer.statusCode, answer.headers['preference-applied']]).toEqual([200, undefined]);
    }
  });

  it('is not sent again to who has it', async () => {
    const log = givenLog(...storedInOrder(...aLife));
    for (const query of ['revision=1', 'as_of=2026-01-02T03:04:06.678Z']) {
      const known = await inject(log, `${of.gateway}?${query}`, { 'if-none-match': '"0", W/"1"' });
      expect([known.statusCode, known.body, known.headers.etag]).toEqual([304, '', '"1"']);
      expect((await inject(log, `${of.gateway}?${query}`, { 'if-none-match': '"0"' })).statusCode).toBe(200);
    }
    expect((await inject(log, `${of.gateway}?revision=9`, { 'if-none-match': '*' })).statusCode).toBe(404);
  });

  it('is not to be had while the event store is away', async () => {
    const log = { ...givenLog(), read: () => Promise.reject(new EventLogUnavailable('away')) };
    expect((await inject(log, `${of.gateway}?revision=1`)).statusCode).toBe(503);
  });

  it.each([
    ['as_of=yesterday', 'as_of'],
    ['as_of=', 'as_of'],
    ['as_of=2026-01-02', 'as_of'],
    ['as_of=2026-01-02T03:04:05', 'as_of'],
    ['as_of=2026-01-02T03:04Z', 'as_of'],
    ['as_of=2026-02-30T03:04:05Z', 'as_of'],
    ['as_of=2026-01-02T25:04:05Z', 'as_of'],
    ['as_of=1767323045678', 'as_of'],
    ['as_of=2026-01-02T03:04:05Z&as_of=2026-01-02T03:04:06Z', 'as_of'],
    ['revision=-1', 'revision'],
    ['revision=1.0', 'revision'],
    ['revision=0x1', 'revision'],
    ['revision=', 'revision'],
    ['revision=99999999999999999999', 'revision'],
    ['revision=1&as_of=2026-01-02T03:04:05Z', 'revision'],
  ])('refuses %s and names the parameter', async (query, parameter) => {
    const { statusCode, json } = await ask(`${of.gateway}?${query}`, ...aLife);
    expect([statusCode, json().error.code]).toEqual([400, 'VALIDATION_ERROR']);
    expect(json().error.details.map(({ path }: { readonly path: string }) => path)).toEqual([parameter]);
  });
});

async function past(life: readonly StoredEvent[], moment: Parameters<typeof findPast>[3]) {
  const found = await findPast(givenLog(...life), gateways, aGateway, moment, { includeDeleted: true });
  return found.status === 'found' ? found : undefined;
}

function foldedFrom(life: readonly StoredEvent[]) {
  const resource = life.reduce<RecordedGateway | undefined>(
    (gateway, event) => foldGateway(gateway, decode(event) as Recorded<GatewayEvent>),
    undefined,
  );
  if (resource === undefined) return undefined;
  const last = life.findLast(({ type }) => type === 'GatewaySoftDeleted' || type === 'GatewayRestored');
  const deleted_at = last?.type === 'GatewaySoftDeleted' ? timeOf(last) : null;
  return { status: 'found', resource: { ...resource, deleted_at }, revision: life.at(-1)?.revision };
}

function timeOf({ metadata }: StoredEvent): string {
  return (metadata as { readonly occurredAt: string }).occurredAt;
}

function isThere(event: StoredEvent | undefined): event is StoredEvent {
  return event !== undefined;
}

function ask(url: string, ...events: readonly RegistryEvent[]) {
  return inject(givenLog(...storedInOrder(...events)), url);
}

// There is no Postgres.
async function inject(
  log: EventLog,
  url: string,
  headers: Readonly<Record<string, string>> = {},
  lines: string[] = [],
) {
  await using app = await createHttpServer({
    logger: pino({}, { write: (line) => lines.push(line) }),
    corsOrigins: [],
    isUnavailable: (error) => error instanceof EventLogUnavailable,
  });
  const away = () => Promise.reject(new Error('nobody needs Postgres for this'));
  queryRoutes(app, { log, pool: { any: away, maybeOne: away, end: away }, readModelReaches: away });
  return await app.inject({ url, headers });
}
