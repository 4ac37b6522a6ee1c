// A subscriber that knows nothing of the publisher: what it reads is what others hear.
import { connect, type NatsConnection } from 'nats';

export interface ReadMessage {
  readonly sequence: number;
  readonly subject: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface NatsClient extends AsyncDisposable {
  readonly connection: NatsConnection;
  /** The last sequence of the stream; 0 when there is no such stream, or no NATS just now. */
  lastSequence(stream: string): Promise<number>;
  /** Every message of the stream, from the first on. */
  readAll(stream: string): Promise<readonly ReadMessage[]>;
  /** Deletes those of the streams that are there, and leaves one that nobody uses. */
  deleteStreams(...streams: readonly string[]): Promise<void>;
  /** The names of a stream's consumers. */
  consumersOf(stream: string): Promise<readonly string[]>;
  deleteConsumersOf(stream: string): Promise<void>;
}

export async function natsClient(url: string): Promise<NatsClient> {
  const connection = await connect({
    servers: url.replace(/^nats:\/\//, ''),
    maxReconnectAttempts: -1,
    reconnectTimeWait: 50,
    reconnectJitter: 10,
  });
  const streams = (await connection.jetstreamManager({ checkAPI: false, timeout: 1_000 })).streams;
  const patient = await connection.jetstreamManager({ checkAPI: false });
  const consumersOf = async (stream: string) => (await patient.consumers.list(stream).next()).map(({ name }) => name);
  return {
    connection,
    async lastSequence(stream) {
      try {
        return (await streams.info(stream)).state.last_seq;
      } catch {
        return 0;
      }
    },
    async readAll(stream) {
      const { messages } = (await streams.info(stream)).state;
      if (messages === 0) return [];
      const read: ReadMessage[] = [];
      const consumer = await connection.jetstream().consumers.get(stream);
      for await (const message of await consumer.consume({ max_messages: 2_000 })) {
        read.push({
          sequence: message.seq,
          subject: message.subject,
          headers: Object.fromEntries([...(message.headers ?? [])].map(([name, values]) => [name, values.join()])),
          body: message.string(),
        });
        if (read.length === messages) break;
      }
      return read;
    },
    async deleteStreams(...unwanted) {
      // A server without any stream removes their folder in its own time, and can create none at that moment (2.14, error 10049).
      await patient.streams.add({ name: 'UNUSED', subjects: ['unused'] });
      const there = await patient.streams.names().next();
      for (const name of unwanted) if (there.includes(name)) await patient.streams.delete(name);
    },
    consumersOf,
    async deleteConsumersOf(stream) {
      for (const name of await consumersOf(stream)) await patient.consumers.delete(stream, name);
    },
    async [Symbol.asyncDispose]() {
      await connection.close();
    },
  };
}
