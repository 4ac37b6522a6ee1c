// What a node says about itself.

import { EventStoreDBClient, persistentSubscriptionToStreamSettingsFromDefaults } from '@eventstore/db-client';
import type { ClusterInfo } from '@eventstore/db-client/generated/gossip_pb.js';
import gossip from '@eventstore/db-client/generated/gossip_pb.js';
import grpcOperations from '@eventstore/db-client/generated/operations_grpc_pb.js';
import grpcPersistent from '@eventstore/db-client/generated/persistent_grpc_pb.js';
import persistent from '@eventstore/db-client/generated/persistent_pb.js';
import grpcProjections from '@eventstore/db-client/generated/projections_grpc_pb.js';
import projections from '@eventstore/db-client/generated/projections_pb.js';
import type { SupportedMethods } from '@eventstore/db-client/generated/serverfeatures_pb.js';
import grpcUsers from '@eventstore/db-client/generated/users_grpc_pb.js';
import users from '@eventstore/db-client/generated/users_pb.js';
import { credentials, status } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { startEventStore } from '../../embedded/event-store/server.ts';
import { addressOf, answerOf, type Failed, idOf, none } from './raw.ts';
import { aStream, embeddedOnly, numbered, useEventStore } from './support.ts';

const store = useEventStore();

type OtherClients = ReturnType<typeof otherClients>;

describe('The features of a node', () => {
  it.each(['read', 'append', 'batchappend', 'delete', 'tombstone'])('list the call %s, in lower case', async (method) =>
    expect(await methods()).toHaveProperty(['event_store.client.streams.streams', method].join('/')),
  );

  it.each([
    ['read', ['position', 'events']],
    ['batchappend', ['deadline_duration']],
    ['append', []],
  ])('say of %s what of it is supported', async (method, features) =>
    expect((await methods())[`event_store.client.streams.streams/${method}`]).toEqual(features),
  );

  it('give a version of three parts', async () => {
    const supported = await features();
    expect(supported?.getEventStoreServerVersion()).toMatch(/^\d+\.\d+\.\d+/);
  });

  it.for<[string, (clients: OtherClients) => Promise<Failed>]>([
    [
      'persistent_subscriptions',
      (clients) => answerOf((done) => clients.persistent.list(new persistent.ListReq(), done)),
    ],
    ['projections', (clients) => answerOf((done) => clients.projections.enable(new projections.EnableReq(), done))],
    ['operations', (clients) => answerOf((done) => clients.operations.mergeIndexes(none(), done))],
    ['users', (clients) => answerOf((done) => clients.users.create(new users.CreateReq(), done))],
  ])('do not list %s, which are not implemented', async ([service, ask], context) => {
    embeddedOnly(context, `this one has no ${service}, EventStoreDB has`);
    const listed = Object.keys(await methods());
    expect(listed.filter((method) => method.includes(service))).toEqual([]);
    using clients = otherClients();
    expect((await ask(clients)).error?.code).toBe(status.UNIMPLEMENTED);
  });

  it('lack persistent subscriptions, of which the client then says so', async (context) => {
    embeddedOnly(context, 'this one has no persistent subscriptions, EventStoreDB has');
    const settings = persistentSubscriptionToStreamSettingsFromDefaults();
    const attempt = store.client.createPersistentSubscriptionToStream(aStream(), 'group', settings);
    await expect(attempt).rejects.toThrow('UNIMPLEMENTED');
  });
});

describe('The gossip of a node', () => {
  it('has a leader that is alive', async () => {
    const leaders = (await members()).filter((member) => member.getState() === gossip.MemberInfo.VNodeState.LEADER);
    expect(leaders.map((member) => member.getIsAlive())).toEqual([true]);
  });

  it('has that node alone', async (context) => {
    embeddedOnly(context, 'a cluster has more members');
    expect(await members()).toHaveLength(1);
  });

  it('names each member by an id of its own, as two halves', async () => {
    const all = await members();
    for (const member of all) expect(member.getInstanceId()?.hasStructured()).toBe(true);
    const ids = all.map((member) => idOf(member.getInstanceId()));
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids).not.toContain('00000000-0000-0000-0000-000000000000');
  });

  it('says the same id each time', async () => {
    const [first, second] = [await members(), await members()];
    const ids = (all: typeof first) => all.map((member) => idOf(member.getInstanceId())).toSorted();
    expect(ids(second)).toEqual(ids(first));
  });

  it('has the time, in units of 100 ns since 1970', async () => {
    for (const member of await members()) {
      const milliseconds = Number(BigInt(member.getTimeStamp()) / 10_000n);
      expect(Math.abs(milliseconds - Date.now())).toBeLessThan(60_000);
    }
  });

  it('has the address at which the node was reached', async (context) => {
    embeddedOnly(context, 'behind a proxy or in a container a node is reached elsewhere than it says');
    const [member] = await members();
    const end = member?.getHttpEndPoint();
    expect(`${end?.getAddress()}:${end?.getPort()}`).toBe(addressOf(store.url()).authority);
  });

  it('is enough for a client to find it', async (context) => {
    embeddedOnly(context, 'behind a proxy or in a container a node is reached elsewhere than it says');
    const client = EventStoreDBClient.connectionString(store.url().replace('esdb://', 'esdb+discover://'));
    const appended = await client.appendToStream(aStream(), [numbered(0)]);
    expect(appended.success).toBe(true);
    await client.dispose();
  });
});

it('A node may be told another limit for the size of an append', async (context) => {
  embeddedOnly(context, 'the limit is an option of the server that is started');
  const server = await startEventStore({ file: ':memory:', maxAppendSize: 100 });
  const client = EventStoreDBClient.connectionString(server.url);
  const data = { text: 'x'.repeat(200) };
  await expect(client.appendToStream('a', [{ ...numbered(0), data }])).rejects.toMatchObject({ maxAppendSize: 100 });
  expect((await client.appendToStream('a', [numbered(0)])).success).toBe(true);
  await client.dispose();
  await server.stop();
});

/** Of the services that the embedded server does without, and for it alone: the channel is not secure. */
function otherClients() {
  const { authority } = addressOf(store.url());
  const channel = credentials.createInsecure();
  const clients = {
    persistent: new grpcPersistent.PersistentSubscriptionsClient(authority, channel),
    projections: new grpcProjections.ProjectionsClient(authority, channel),
    operations: new grpcOperations.OperationsClient(authority, channel),
    users: new grpcUsers.UsersClient(authority, channel),
  };
  return Object.assign(clients, {
    [Symbol.dispose]() {
      for (const client of [clients.persistent, clients.projections, clients.operations, clients.users]) client.close();
    },
  });
}

async function features(): Promise<SupportedMethods | undefined> {
  const { answer, error } = await answerOf<SupportedMethods>((done) =>
    store.raw.features.getSupportedMethods(none(), done),
  );
  expect(error).toBeUndefined();
  return answer;
}

async function methods(): Promise<Record<string, string[]>> {
  const list = (await features())?.getMethodsList() ?? [];
  return Object.fromEntries(
    list.map((method) => [`${method.getServiceName()}/${method.getMethodName()}`, method.getFeaturesList()]),
  );
}

async function members() {
  const { answer } = await answerOf<ClusterInfo>((done) => store.raw.gossip.read(none(), done));
  return answer?.getMembersList() ?? [];
}
