import { headers as natsHeaders } from 'nats';
import { pino } from 'pino';
import { expect, it } from 'vitest';
import { eventually } from '../../test/support/eventually.ts';
import { natsClient } from '../../test/support/nats-client.ts';
import { startNats } from '../../test/support/servers.ts';
import { watchEvents } from './watch.ts';

it('prints what is heard on a subject, from then on, until it is told to stop', async () => {
  await using nats = await startNats();
  await using client = await natsClient(nats.url);
  const { lines, stop } = watch(nats.url, 'mti.evt.>');

  await eventually(() => expect(lines).toHaveLength(1));
  await eventually(() => {
    client.connection.publish('mti.evt.v1.a', '{"id":"a"}');
    expect(lines).toContain('mti.evt.v1.a {"id":"a"}');
  });
  client.connection.publish('something.else', 'x');
  await client.connection.flush();
  await stop();

  expect(lines.some((line) => line.startsWith('something.else'))).toBe(false);
});

it('prints a message once that is sent again, and those without an id as often as they are sent', async () => {
  await using nats = await startNats();
  await using client = await natsClient(nats.url);
  const { lines, stop } = watch(nats.url, 'mti.>');
  await eventually(() => {
    client.connection.publish('mti.ready');
    expect(lines.at(-1)).toBe('mti.ready ');
  });
  const before = lines.length;
  for (const messageId of ['one', 'two', 'one', '', '']) {
    const headers = natsHeaders();
    if (messageId !== '') headers.set('Nats-Msg-Id', messageId);
    client.connection.publish('mti.evt.v1.a', messageId, { headers });
  }
  client.connection.publish('mti.end');
  await eventually(() => expect(lines.at(-1)).toBe('mti.end '));
  await stop();
  expect(lines.slice(before).filter((line) => line !== 'mti.ready ')).toEqual([
    'mti.evt.v1.a one',
    'mti.evt.v1.a two',
    'mti.evt.v1.a ',
    'mti.evt.v1.a ',
    'mti.end ',
  ]);
});

it.each(['mti.evt v1', 'mti..evt', '.mti', 'mti.', '>.mti', 'mti.e*', ''])(
  'refuses what is no subject, instead of hearing nothing: "%s"',
  async (subject) => {
    const options = { url: 'nats://127.0.0.1:1', subject, logger: pino({ level: 'silent' }) };
    const watching = watchEvents(options, AbortSignal.abort(), () => undefined);
    await expect(watching).rejects.toThrow('is no subject');
  },
);

it.each(['mti', '>', '*', 'mti.*.*.gateway.>', '$SYS.>'])('takes %s for a subject', async (subject) => {
  const options = { url: 'nats://127.0.0.1:1', subject, logger: pino({ level: 'silent' }) };
  await expect(watchEvents(options, AbortSignal.abort(), () => undefined)).resolves.toBeUndefined();
});

function watch(url: string, subject: string) {
  const lines: string[] = [];
  const stopping = new AbortController();
  const options = { url, subject, logger: pino({ level: 'silent' }) };
  const watching = watchEvents(options, stopping.signal, (line) => lines.push(line));
  return {
    lines,
    stop() {
      stopping.abort();
      return watching;
    },
  };
}
