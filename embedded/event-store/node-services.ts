// EventStoreDB: what a node says about itself. The features tell the client which calls it may make, so only what is
// implemented is listed; gossip presents a single node as the leader of its own cluster.

import type { IGossipServer } from '@eventstore/db-client/generated/gossip_grpc_pb.js';
import grpcGossip from '@eventstore/db-client/generated/gossip_grpc_pb.js';
import gossip from '@eventstore/db-client/generated/gossip_pb.js';
import type { IServerFeaturesServer } from '@eventstore/db-client/generated/serverfeatures_grpc_pb.js';
import grpcFeatures from '@eventstore/db-client/generated/serverfeatures_grpc_pb.js';
import features from '@eventstore/db-client/generated/serverfeatures_pb.js';
import type { ServiceDefinition } from '@grpc/grpc-js';
import { ticks } from './records.ts';
import { uuid } from './wire.ts';

const serverVersion = '24.10.14';

const featuresOfMethods: Readonly<Record<string, readonly string[]>> = {
  '/event_store.client.streams.streams/read': ['position', 'events'],
  '/event_store.client.streams.streams/batchappend': ['deadline_duration'],
};

export const gossipService = grpcGossip.GossipService;
export const serverFeaturesService = grpcFeatures.ServerFeaturesService;

/** Presents the node at an address, which is asked for at each call: the port is not known before the server listens. */
export function gossipHandlers(address: () => { readonly host: string; readonly port: number }): IGossipServer {
  const member = new gossip.MemberInfo()
    .setInstanceId(uuid(crypto.randomUUID(), 'structured'))
    .setState(gossip.MemberInfo.VNodeState.LEADER)
    .setIsAlive(true);
  return {
    read(_call, callback) {
      const { host, port } = address();
      member.setTimeStamp(`${ticks(Date.now())}`);
      member.setHttpEndPoint(new gossip.EndPoint().setAddress(host).setPort(port));
      callback(null, new gossip.ClusterInfo().setMembersList([member]));
    },
  };
}

/** Lists the methods of the services in lower case, with the features that the client looks for. */
export function serverFeaturesHandlers(services: readonly ServiceDefinition[]): IServerFeaturesServer {
  const methods = services.flatMap((service) => Object.values(service)).map(({ path }) => supportedMethod(path));
  return {
    getSupportedMethods(_call, callback) {
      const supported = new features.SupportedMethods().setEventStoreServerVersion(serverVersion);
      callback(null, supported.setMethodsList(methods));
    },
  };
}

function supportedMethod(path: string) {
  const [, service = '', method = ''] = path.toLowerCase().split('/');
  const supported = new features.SupportedMethod().setServiceName(service).setMethodName(method);
  return supported.setFeaturesList([...(featuresOfMethods[path.toLowerCase()] ?? [])]);
}
