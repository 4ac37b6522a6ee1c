import { connect as connectTo, StringCodec } from 'nats';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../test/support/temporary-folder.ts';
import { findNatsServer, natsAnswers, startNats } from './nats.ts';

const packaged = tryToFind('');

describe('the embedded NATS', () => {
  it('keeps what JetStream acknowledged, with the server of PATH and that of npm', async () => {
    for (const file of new Set([findNatsServer(), packaged ?? findNatsServer()])) {
      await using folder = await temporaryFolder();
      const first = await startNats(folder.path, {}, file);
      await publish(first.url, 'kept');
      await first.stop();
      const second = await startNats(folder.path, { preferred: first.port }, file);
      await using _ = { [Symbol.asyncDispose]: () => second.stop() };
      expect(second.url).toBe(first.url);
      expect(await lastMessage(second.url)).toBe('kept');
    }
  });

  it('answers to its own name only', async () => {
    await using folder = await temporaryFolder();
    const server = await startNats(folder.path);
    expect(await natsAnswers(server.port, server.instance)).toBe(true);
    expect(await natsAnswers(server.port, 'another')).toBe(false);
    await server.stop();
    expect(await natsAnswers(server.port, server.instance)).toBe(false);
  });
});

function tryToFind(searchPath: string): string | null {
  try {
    return findNatsServer(searchPath);
  } catch {
    // No such package for this platform.
    return null;
  }
}

async function publish(url: string, text: string): Promise<void> {
  const connection = await connectTo({ servers: url });
  const manager = await connection.jetstreamManager();
  await manager.streams.add({ name: 'TEST', subjects: ['test.>'] });
  await connection.jetstream().publish('test.a', StringCodec().encode(text));
  await connection.close();
}

async function lastMessage(url: string): Promise<string> {
  const connection = await connectTo({ servers: url });
  const manager = await connection.jetstreamManager();
  const message = await manager.streams.getMessage('TEST', { last_by_subj: 'test.a' });
  await connection.close();
  return StringCodec().decode(message.data);
}
