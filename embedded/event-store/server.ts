// An EventStoreDB for one machine: a single node without TLS and authentication that keeps its log in one file.

import { Server, ServerCredentials } from '@grpc/grpc-js';
import { once } from '../once.ts';
import { type Log, openLog } from './log.ts';
import { gossipHandlers, gossipService, serverFeaturesHandlers, serverFeaturesService } from './node-services.ts';
import { openStore, type Store, serverEvent } from './store.ts';
import { streamsHandlers, streamsService } from './streams-service.ts';
import { defaultMaxAppendSize } from './write-request.ts';

export interface ServerOptions {
  /** An address to listen on. Default 127.0.0.1. */
  readonly host?: string | undefined;
  /** 0, the default, takes a free one. */
  readonly port?: number | undefined;
  /** In bytes. Default 1,048,576. */
  readonly maxAppendSize?: number | undefined;
}

export interface EventStoreOptions extends ServerOptions {
  /** A path, or ':memory:'. */
  readonly file: string;
}

/** `url` is a connection string for clients on this machine. */
export interface EventStoreServer {
  readonly port: number;
  readonly url: string;
  /** Commits what waits, ends every call and closes the file. */
  stop(): Promise<void>;
}

const serverOptions = {
  'grpc.max_receive_message_length': 16_767_216,
  'grpc.max_send_message_length': -1,
  'grpc.keepalive_time_ms': 10_000,
  'grpc.keepalive_timeout_ms': 10_000,
};

/**
 * Resolves when the server accepts calls. Rejects with a message for people when the file or the address cannot be had.
 */
export async function startEventStore({ file, ...options }: EventStoreOptions): Promise<EventStoreServer> {
  return serveLog(openLog(file), options);
}

/** The same for a log that is open already, which is closed with the server, also when that cannot start. */
export async function serveLog(
  log: Log,
  { host = '127.0.0.1', port: wantedPort = 0, maxAppendSize = defaultMaxAppendSize }: ServerOptions,
): Promise<EventStoreServer> {
  const store = openStore(log);
  const server = new Server(serverOptions);
  let port = wantedPort;
  try {
    const address = () => ({ host: reachable(host), port });
    const services = [streamsService, gossipService, serverFeaturesService];
    server.addService(streamsService, streamsHandlers(store, maxAppendSize));
    server.addService(gossipService, gossipHandlers(address));
    server.addService(serverFeaturesService, serverFeaturesHandlers(services));
    await markInitialized(store);
    port = await bind(server, host, wantedPort);
    const url = `esdb://${authority(reachable(host))}:${port}?tls=false`;
    return { port, url, stop: once(() => stop(server, store)) };
  } catch (error) {
    store.close();
    throw error;
  }
}

// A real node has written about itself before its first user does: nobody may count on position 0.
async function markInitialized(store: Store): Promise<void> {
  if (store.log.head() > 0n) return;
  await store.append('$projections-$all', 'no_stream', [serverEvent('$ProjectionsInitialized')]);
}

function bind(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(`${authority(host)}:${port}`, ServerCredentials.createInsecure(), (error, boundPort) => {
      if (!error) return resolve(boundPort);
      const reason = error.message.includes('EADDRINUSE')
        ? 'another process listens there. Stop that process, or choose another port.'
        : `${error.message}. Choose an address of this machine and a port that is allowed.`;
      reject(new Error(`Cannot listen on ${authority(host)}:${port}: ${reason}`, { cause: error }));
    });
  });
}

async function stop(server: Server, store: Store): Promise<void> {
  store.flush();
  await new Promise<void>((resolve) => {
    server.tryShutdown(() => resolve());
    server.forceShutdown();
  });
  store.close();
}

function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  return host === '::' ? '::1' : host;
}

function authority(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}
