import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { later, muchLater, now } from '../../test/support/examples.ts';
import { anId, aSender, type Registry, startRegistry } from '../../test/support/registry.ts';
import type { GatewayCommand } from '../domain/gateway.ts';
import { decode } from '../events/codec.ts';
import { type EventLog, EventLogUnavailable } from '../events/event-log.ts';
import { EventId, GatewayId } from '../events/ids.ts';
import { gateways } from './aggregate.ts';
import { handle } from './handler.ts';

let registry: Registry;

beforeAll(async () => {
  registry = await startRegistry();
});

afterAll(async () => {
  await registry?.[Symbol.asyncDispose]();
});

const kinds = [
  {
    kind: 'Organization',
    parent: async () => ({}),
    fields: () => ({ name: 'Acme', metadata: { country: 'DE' } }),
    resource: (parent: object) => ({ ...parent, name: 'Acme', metadata: { country: 'DE' } }),
  },
  {
    kind: 'Factory',
    parent: async () => ({ organization_id: await anOrganization() }),
    fields: () => ({ name: 'Berlin' }),
    resource: (parent: object) => ({ ...parent, name: 'Berlin', location: null, timezone: 'UTC', metadata: {} }),
  },
  {
    kind: 'Gateway',
    parent: async () => ({ factory_id: await aFactory() }),
    fields: (id: string) => gatewayBody(`device of ${id}`),
    resource: (parent: object, id: string) => ({
      ...parent,
      organization_id: expect.any(String),
      gateway_id: `device of ${id}`,
      name: 'Hall 1',
      url: 'wss://10.0.0.1/ws',
      email: 'gateway@acme.example',
      model: null,
      firmware_version: null,
      metadata: {},
    }),
  },
];

describe.each(kinds)('a life of: $kind', ({ kind, parent, fields, resource }) => {
  const stream = (id: string) => `${kind.toLowerCase()}-${id}`;
  const notFound = { outcome: 'rejected', reason: `${kind}NotFound` };

  it('goes from creation over update and deletion to its return', async () => {
    const id = anId();
    const above = await parent();
    const created = { id, ...resource(above, id), created_at: now, updated_at: now };
    expect(await registry.run(`Create${kind}`, id, { ...above, ...fields(id) })).toEqual({
      outcome: 'accepted',
      resource: created,
      revision: 0n,
      position: await positionOf(stream(id)),
    });

    const given = { now: () => new Date(later) };
    const updated = { ...created, name: 'Another', updated_at: later };
    expect(await registry.run(`Update${kind}`, id, { name: 'Another' }, given)).toEqual({
      outcome: 'accepted',
      resource: updated,
      revision: 1n,
      position: await positionOf(stream(id)),
    });
    expect(await registry.run(`SoftDelete${kind}`, id, undefined, given)).toMatchObject({
      outcome: 'accepted',
      revision: 2n,
    });
    expect(await registry.run(`Update${kind}`, id, { name: 'Third' })).toEqual(notFound);
    expect(await registry.run(`Restore${kind}`, id, undefined, { now: () => new Date(muchLater) })).toEqual({
      outcome: 'accepted',
      resource: { ...updated, updated_at: muchLater },
      revision: 3n,
      position: await positionOf(stream(id)),
    });
    expect(await registry.typesIn(stream(id))).toEqual(
      ['Created', 'Updated', 'SoftDeleted', 'Restored'].map((what) => `${kind}${what}`),
    );
  });

  it('goes on as it was after what changes nothing, which is answered with the last event', async () => {
    const id = anId();
    const created = await registry.run(`Create${kind}`, id, { ...(await parent()), ...fields(id) });
    const unchanged = { ...created, outcome: 'ignored' };
    const given = { now: () => new Date(later) };
    const { password: _, ...same }: Record<string, unknown> = fields(id);
    expect(await registry.run(`Update${kind}`, id, same, given)).toEqual(unchanged);
    expect(await registry.run(`Restore${kind}`, id, undefined, given)).toEqual(unchanged);

    const deleted = await registry.run(`SoftDelete${kind}`, id);
    expect(await registry.run(`SoftDelete${kind}`, id, undefined, given)).toEqual({ ...deleted, outcome: 'ignored' });
    expect(await registry.typesIn(stream(id))).toEqual([`${kind}Created`, `${kind}SoftDeleted`]);
  });

  it('does not begin with anything but its creation', async () => {
    const id = anId();
    expect(await registry.run(`Update${kind}`, id, { name: 'x' })).toEqual(notFound);
    expect(await registry.run(`SoftDelete${kind}`, id)).toEqual(notFound);
    expect(await registry.run(`Restore${kind}`, id)).toEqual(notFound);
    expect(await registry.typesIn(stream(id))).toEqual([]);
  });

  it('begins once', async () => {
    const id = anId();
    const body = { ...(await parent()), ...fields(id) };
    await registry.run(`Create${kind}`, id, body);
    expect(await registry.run(`Create${kind}`, id, body)).toEqual({ outcome: 'rejected', reason: 'AlreadyExists' });
  });

  it('records who did it, why and when', async () => {
    const id = anId();
    await registry.run(`Create${kind}`, id, { ...(await parent()), ...fields(id) });
    const stored = await registry.log.readLast(stream(id));
    const { commandId } = (stored?.metadata ?? {}) as { commandId?: string };
    expect(stored?.metadata).toEqual({
      $correlationId: 'a-correlation',
      $causationId: commandId,
      actor: 'a-tester',
      commandId: expect.stringMatching(/^[0-9a-f-]{36}$/),
      occurredAt: now,
      schemaVersion: 1,
    });
  });

  it('never goes back in time, whatever the clocks say', async () => {
    const id = anId();
    await registry.run(`Create${kind}`, id, { ...(await parent()), ...fields(id) }, { now: () => new Date(later) });
    await registry.run(`Update${kind}`, id, { name: 'Another' });
    await registry.run(`SoftDelete${kind}`, id, undefined, { now: () => new Date(muchLater) });
    const times = (await registry.log.read(stream(id))).map((event) => decode(event)?.metadata.occurredAt);
    expect(times).toEqual([later, later, muchLater]);
  });
});

describe('a parent', () => {
  it.each([
    ['Factory', 'organization_id', 'OrganizationNotFound', anOrganization, 'SoftDeleteOrganization'],
    ['Gateway', 'factory_id', 'FactoryNotFound', aFactory, 'SoftDeleteFactory'],
  ] as const)('of a new %s is there and not deleted', async (kind, field, reason, parent, softDelete) => {
    const body = kind === 'Factory' ? { name: 'Berlin' } : gatewayBody(`orphan of ${field}`);
    const rejected = { outcome: 'rejected', reason };
    expect(await registry.run(`Create${kind}`, anId(), { ...body, [field]: anId() })).toEqual(rejected);
    const deleted = await parent();
    await registry.run(softDelete, deleted);
    expect(await registry.run(`Create${kind}`, anId(), { ...body, [field]: deleted })).toEqual(rejected);
    expect(await registry.typesIn(`gatewayIdentity-orphan%20of%20${field}`)).toEqual([]);
  });

  it.each([
    ['Factory', 'organization_id', anOrganization, 'Organization'],
    ['Gateway', 'factory_id', aFactory, 'Factory'],
  ] as const)('has to be restored before a %s is', async (kind, field, parent, above) => {
    const id = anId();
    const parentId = await parent();
    const fields = kind === 'Factory' ? { name: 'Berlin' } : gatewayBody(`device of ${id}`);
    await registry.run(`Create${kind}`, id, { ...fields, [field]: parentId });
    await registry.run(`SoftDelete${kind}`, id);
    await registry.run(`SoftDelete${above}`, parentId);
    expect(await registry.run(`Restore${kind}`, id)).toEqual({ outcome: 'rejected', reason: 'ParentDeleted' });
    await registry.run(`Restore${above}`, parentId);
    expect(await registry.run(`Restore${kind}`, id)).toMatchObject({ outcome: 'accepted' });
  });

  it('that is deleted appends to no stream but its own: what follows is for a process', async () => {
    const parentId = await anOrganization();
    const id = await aFactory(parentId);
    await registry.run('SoftDeleteOrganization', parentId);
    expect(await registry.run('UpdateFactory', id, { name: 'Still here' })).toMatchObject({ outcome: 'accepted' });
  });
});

describe('a password', () => {
  it('is in no event in plain text, and opens for its gateway alone', async () => {
    const id = await aGateway();
    await registry.run('UpdateGateway', id, { password: 'hunter3' });
    const events = await registry.log.read(`gateway-${id}`);
    expect(JSON.stringify(events.map(({ data, metadata }) => [data, metadata]))).not.toContain('hunter');
    const sealed = events.map(({ data }) => (data as { passwordEncrypted: string }).passwordEncrypted);
    expect(sealed.map((text) => registry.encryption.open(text, id as GatewayId))).toEqual(['hunter2', 'hunter3']);
    expect(() => registry.encryption.open(sealed[0] ?? '', anId() as GatewayId)).toThrow();
  });

  it('in an update with other fields is appended with them or not at all', async () => {
    const id = await aGateway();
    const { log, appends } = recordingAppends();
    const outcome = await registry.run('UpdateGateway', id, { name: 'Hall 2', password: 'hunter3' }, { log });
    expect(outcome).toMatchObject({ outcome: 'accepted', revision: 2n, resource: { name: 'Hall 2' } });
    expect(appends).toEqual([[`gateway-${id}`, ['GatewayUpdated', 'GatewayPasswordChanged']]]);
    expect(outcome).toMatchObject({ position: await positionOf(`gateway-${id}`) });
  });

  it('alone is a change of password and of nothing else, even if it is the same again', async () => {
    const id = await aGateway();
    expect(await registry.run('UpdateGateway', id, { name: 'Hall 1', password: 'hunter2' })).toMatchObject({
      outcome: 'accepted',
      revision: 1n,
    });
    expect(await registry.typesIn(`gateway-${id}`)).toEqual(['GatewayCreated', 'GatewayPasswordChanged']);
  });

  it('of a gateway that is deleted is not changed', async () => {
    const id = await aGateway();
    await registry.run('SoftDeleteGateway', id);
    expect(await registry.run('UpdateGateway', id, { password: 'hunter3' })).toMatchObject({
      reason: 'GatewayNotFound',
    });
  });
});

describe('a command that is overtaken', () => {
  it('is decided again on what is there now', async () => {
    const id = await anOrganization();
    const log = overtaken(1, () =>
      registry.run('UpdateOrganization', id, { name: 'Rival', metadata: { by: 'rival' } }),
    );
    const outcome = await registry.run('UpdateOrganization', id, { name: 'Mine' }, { log });
    expect(outcome).toMatchObject({
      outcome: 'accepted',
      revision: 2n,
      resource: { name: 'Mine', metadata: { by: 'rival' } },
    });
  });

  it('is ignored when its rival did the same', async () => {
    const id = await anOrganization();
    const log = overtaken(1, () => registry.run('SoftDeleteOrganization', id));
    expect(await registry.run('SoftDeleteOrganization', id, undefined, { log })).toMatchObject({
      outcome: 'ignored',
      revision: 1n,
    });
  });

  it('is rejected when its rival made it impossible', async () => {
    const id = await anOrganization();
    const log = overtaken(1, () => registry.run('SoftDeleteOrganization', id));
    expect(await registry.run('UpdateOrganization', id, { name: 'Mine' }, { log })).toEqual({
      outcome: 'rejected',
      reason: 'OrganizationNotFound',
    });
  });

  it('stamps the time of the attempt that succeeds', async () => {
    const id = await anOrganization();
    const times = [now, later];
    const log = overtaken(1, () => registry.run('UpdateOrganization', id, { name: 'Rival' }));
    const given = { log, now: () => new Date(times.shift() ?? muchLater) };
    expect(await registry.run('UpdateOrganization', id, { name: 'Mine' }, given)).toMatchObject({
      resource: { updated_at: later },
    });
  });

  it('gives up with a conflict after sixteen times', async () => {
    const id = await anOrganization();
    let rivals = 0;
    const log = overtaken(100, () => registry.run('UpdateOrganization', id, { name: `Rival ${++rivals}` }));
    expect(await registry.run('UpdateOrganization', id, { name: 'Mine' }, { log })).toEqual({
      outcome: 'rejected',
      reason: 'Conflict',
    });
    expect(rivals).toBe(16);
  });

  it('wins in the end when many are at it at once, and none is lost', async () => {
    const id = await anOrganization();
    const outcomes = await Promise.all(
      Array.from({ length: 4 }, (_, n) => registry.run('UpdateOrganization', id, { name: `Name ${n}` })),
    );
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(['accepted', 'accepted', 'accepted', 'accepted']);
    expect(await registry.log.read(`organization-${id}`)).toHaveLength(5);
  });
});

describe('a command whose store goes away', () => {
  it('fails and is not run again, because it may have been done', async () => {
    const id = await anOrganization();
    let appends = 0;
    const log: EventLog = {
      ...registry.log,
      append: async (...append) => {
        appends += 1;
        await registry.log.append(...append);
        throw new EventLogUnavailable('gone after the append');
      },
    };
    await expect(registry.run('UpdateOrganization', id, { name: 'Mine' }, { log })).rejects.toThrow(
      EventLogUnavailable,
    );
    expect(appends).toBe(1);
  });
});

describe('the reaction of a process', () => {
  const reaction = { cause: EventId.parse(anId()), eventId: EventId.parse(anId()) };
  const react = (id: string, commandsFor = softDeletion) =>
    handle(registry.dependencies, gateways, GatewayId.parse(id), { ...aSender, reaction }, commandsFor);
  const softDeletion = async (): Promise<GatewayCommand[]> => [
    { type: 'SoftDeleteGatewayWithFactory', cause: reaction.cause },
  ];

  it('appends the event that it is known by, which names its cause', async () => {
    const id = await aGateway();
    expect(await react(id)).toMatchObject({ outcome: 'accepted', revision: 1n });
    expect(await registry.log.readLast(`gateway-${id}`)).toMatchObject({
      id: reaction.eventId,
      data: { cause: reaction.cause },
      metadata: { $causationId: reaction.cause, commandId: reaction.eventId, $correlationId: 'a-correlation' },
    });
  });

  it('is left out where the stream holds it, whatever has become of the gateway since', async () => {
    const id = await aGateway();
    await react(id);
    await registry.run('RestoreGateway', id);
    expect(await react(id)).toMatchObject({ outcome: 'ignored', revision: 2n });
  });

  // The store itself takes an event that it has for appended, so that all of them may hear that theirs was.
  it('appends once when several do it at the same time', async () => {
    const id = await aGateway();
    await Promise.all([react(id), react(id), react(id)]);
    expect(await registry.typesIn(`gateway-${id}`)).toEqual(['GatewayCreated', 'GatewaySoftDeleted']);
  });
});

describe('a stream with an event that this version does not know', () => {
  it('is not decided on', async () => {
    const id = await anOrganization();
    const event = { id: anId(), type: 'OrganizationMerged', data: { id }, metadata: {} };
    await registry.log.append(`organization-${id}`, 0n, [event]);
    await expect(registry.run('UpdateOrganization', id, { name: 'x' })).rejects.toThrow(
      `OrganizationMerged at revision 1 of organization-${id} is of a type that this version does not know`,
    );
  });
});

function gatewayBody(device: string) {
  return {
    gateway_id: device,
    name: 'Hall 1',
    url: 'wss://10.0.0.1/ws',
    email: 'gateway@acme.example',
    password: 'hunter2',
  };
}

async function anOrganization(): Promise<string> {
  const id = anId();
  await registry.run('CreateOrganization', id, { name: 'Acme' });
  return id;
}

async function aFactory(organization?: string): Promise<string> {
  const id = anId();
  await registry.run('CreateFactory', id, {
    name: 'Berlin',
    organization_id: organization ?? (await anOrganization()),
  });
  return id;
}

async function aGateway(): Promise<string> {
  const id = anId();
  await registry.run('CreateGateway', id, { ...gatewayBody(`device of ${id}`), factory_id: await aFactory() });
  return id;
}

async function positionOf(stream: string) {
  return (await registry.log.readLast(stream))?.position;
}

function recordingAppends() {
  const appends: [string, string[]][] = [];
  const log: EventLog = {
    ...registry.log,
    append: (stream, expected, events) => {
      appends.push([stream, events.map(({ type }) => type)]);
      return registry.log.append(stream, expected, events);
    },
  };
  return { log, appends };
}

/** A log in which a rival comes before each of the first appends. */
function overtaken(times: number, rival: () => Promise<unknown>): EventLog {
  let left = times;
  return {
    ...registry.log,
    append: async (...append) => {
      if (left > 0) {
        left -= 1;
        await rival();
      }
      return registry.log.append(...append);
    },
  };
}
