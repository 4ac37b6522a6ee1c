// What a user of NATS must be allowed, and what it is told when it is not.
import { connect, type NatsConnection } from 'nats';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { collecting } from '../../test/support/collecting.ts';
import { eventually } from '../../test/support/eventually.ts';
import * as examples from '../../test/support/examples.ts';
import { givenLog } from '../../test/support/given-log.ts';
import { type NatsClient, natsClient } from '../../test/support/nats-client.ts';
import { type NatsProcess, natsServers, startNatsProcess } from '../../test/support/nats-process.ts';
import { publishing } from '../../test/support/publishing.ts';
import { subscribeEvents } from './subscription.ts';
import { watchGateways } from './watch.ts';

const organization = examples.anOrganization;

const bucketOfTenant = `$JS.API.CONSUMER.CREATE.KV_gateways.*.$KV.gateways.${organization}.>`;
const eventsOfTenant = `$JS.API.CONSUMER.CREATE.MTI_EVENTS.*.mti.evt.v1.${organization}.>`;

const users = {
  tenant: [bucketOfTenant, '$JS.FC.KV_gateways.>', eventsOfTenant, '$JS.FC.MTI_EVENTS.>'],
  reactor: ['$JS.API.CONSUMER.INFO.MTI_EVENTS.reactor', '$JS.API.CONSUMER.CREATE.MTI_EVENTS.reactor.>'],
};

const settings = `
no_auth_user: registry
authorization: { users: [
  { user: registry, password: example },
  ${Object.entries(users)
    .map(([user, subjects]) => userLine(user, subjects))
    .join('\n  ')}
] }
`;

function userLine(user: string, subjects: readonly string[]): string {
  const publish = subjects.map((subject) => JSON.stringify(subject)).join(', ');
  return `{ user: ${user}, password: example, permissions: { publish: [${publish}], subscribe: ["_INBOX_${user}.>"] } }`;
}

const log = givenLog(
  ...examples.storedInOrder(
    examples.gatewayCreated(),
    examples.gatewayCreated({
      id: examples.anotherGateway,
      gatewayId: examples.anotherDevice,
      organizationId: examples.anotherOrganization,
    }),
  ),
);

describe.each(natsServers())('with %s,', (_, file) => {
  let nats: NatsProcess;
  let registry: NatsClient;
  let registryPublishes: AsyncDisposable;

  beforeAll(async () => {
    nats = await startNatsProcess(file, settings);
    registry = await natsClient(nats.url);
    registryPublishes = publishing(nats.url, log);
    await eventually(async () => {
      expect(await registry.lastSequence('KV_gateways')).toBe(2);
      expect(await registry.lastSequence('MTI_EVENTS')).toBe(2);
    });
  });

  afterAll(async () => {
    await registryPublishes[Symbol.asyncDispose]();
    await registry[Symbol.asyncDispose]();
    await nats[Symbol.asyncDispose]();
  });

  it('a tenant that is confined to its organization watches its gateways, and leaves no consumer for long', async () => {
    await using tenant = await connected('tenant');
    {
      await using watch = collecting((signal) => watchGateways(tenant.connection, { organization, signal }));
      expect(await watch.count(2)).toMatchObject([
        { type: 'appeared', gateway: { organization_id: organization } },
        {},
      ]);
    }
    const { consumers } = await registry.connection.jetstreamManager();
    await eventually(async () => expect(await consumers.list('KV_gateways').next()).toEqual([]));
  });

  it('a tenant hears the events of its organization', async () => {
    await using tenant = await connected('tenant');
    await using events = collecting((signal) =>
      subscribeEvents(tenant.connection, { from: 'start', organization, signal }),
    );

    expect(await events.count(1)).toMatchObject([{ event: { organizationId: organization } }]);
  });

  it.each([{}, { organization: examples.anotherOrganization }])(
    'a tenant is told that it may not watch: %j',
    async (options) => {
      await using tenant = await connected('tenant');
      await using watch = collecting((signal) => watchGateways(tenant.connection, { ...options, signal }));
      await eventually(() => expect(watch.error()).toMatchObject({ code: 'PERMISSION_MISSING' }));

      expect(watch.items).toEqual([]);
    },
  );

  it('who may make a durable consumer but not ask it is told so', async () => {
    await using reactor = await connected('reactor');
    await using events = collecting((signal) =>
      subscribeEvents(reactor.connection, { from: 'start', durable: 'reactor', signal }),
    );
    await eventually(() => expect(events.error()).toMatchObject({ code: 'PERMISSION_MISSING' }));

    expect(String(events.error())).toContain('$JS.API.CONSUMER.MSG.NEXT.MTI_EVENTS.reactor');
  });

  it('who uses a prefix for its inbox that it may not is told so', async () => {
    await using tenant = await connected('tenant', '_INBOX_other');
    await using watch = collecting((signal) => watchGateways(tenant.connection, { organization, signal }));

    await eventually(() => expect(watch.error()).toMatchObject({ code: 'PERMISSION_MISSING' }));
  });

  async function connected(
    user: keyof typeof users,
    inboxPrefix = `_INBOX_${user}`,
  ): Promise<AsyncDisposable & { readonly connection: NatsConnection }> {
    const servers = nats.url.replace('nats://', '');
    const connection = await connect({ servers, user, pass: 'example', inboxPrefix });
    return { connection, [Symbol.asyncDispose]: () => connection.close() };
  }
});
