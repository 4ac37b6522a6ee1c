// npm run bench:publish: how fast the publisher catches up, beside a bare pipelined publisher of the same messages; and how
// long after the answer to a command a subscriber has the message.

import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { connect, type JetStreamManager, type NatsConnection } from 'nats';
import { type Server, useStack } from '../embedded/stack.ts';
import { connectEventStore } from '../src/infrastructure/event-store.ts';
import { eventStream } from '../src/publishing/event-stream.ts';
import { endChildren, messageOf, startChild } from './children.ts';
import { cpuMicrosecondsEach, cpuTimes } from './cpu.ts';
import { fillLog } from './publish-events.ts';
import { optionsOf, type PublishOptions, usage } from './publish-options.ts';
import { type CatchUp, parts, type Receipts, reportOf, type Subject } from './publish-report.ts';
import type { Ask, Told } from './publish-subject.ts';
import { byTurns, wholeText } from './rounds.ts';
import { ownFolder, ownScope, runBenchmark, startIn, tell } from './run.ts';
import { startService } from './service.ts';
import { type Answered, commandsOf, createArrivals, percentile, senderTo, sendSteadily } from './steady-commands.ts';

type Children = Readonly<Record<Subject, ChildProcess>>;

const { name: stream } = eventStream;
const subjects = ['bare', 'publisher'] as const;
const warmUpSeconds = 3;
const longestCatchUpMs = 120_000;

await runBenchmark({
  usage,
  optionsOf,
  async measure(options) {
    const folder = await ownFolder('publish');
    const catchUps = await measureCatchUps(join(folder, 'catch-up'), options);
    const receipts = await measureReceipts(join(folder, 'receipts'), options);
    return reportOf(catchUps, receipts, options);
  },
});

async function measureCatchUps(dataDir: string, options: PublishOptions): Promise<readonly CatchUp[]> {
  await using scope = ownScope();
  const urls = await startServers(scope, dataDir, ['eventStore', 'nats']);
  tell(`appending ${wholeText(options.events)} events`);
  await using log = logAt(urls.eventStore);
  await fillLog(log, options.events);
  const nats = await natsAt(scope, urls.nats);
  const { streams } = await nats.jetstreamManager();
  // A server whose last stream is deleted removes their folder in its own time, and can create none at that moment.
  await streams.add({ name: 'UNUSED', subjects: ['unused'] });
  scope.defer(endChildren);
  const start = async (program: string) => {
    const child = startChild(program, [urls.eventStore, urls.nats]);
    await toldBy(child);
    return child;
  };
  const children: Children = { bare: await start('publish-bare.ts'), publisher: await start('publish-publisher.ts') };

  tell('warming up');
  for (const subject of subjects) await catchUp(subject, children, streams, options);
  const measured: CatchUp[] = [];
  for (let round = 0; round < options.rounds; round++) {
    tell(`round ${round + 1} of ${options.rounds}`);
    await byTurns(subjects, round, async (subject) => {
      const once = await catchUp(subject, children, streams, options);
      tell(`  ${subject}: ${wholeText(once.perSecond)} a second`);
      measured.push(once);
    });
  }
  return measured;
}

async function catchUp(
  subject: Subject,
  children: Children,
  streams: JetStreamManager['streams'],
  { events }: PublishOptions,
): Promise<CatchUp> {
  const { subjects: filled, maxBytes } = eventStream;
  await streams.delete(stream).catch(() => undefined);
  await streams.add({ name: stream, subjects: [...filled], max_bytes: maxBytes });
  const before = cpuTimes(parts);
  const started = performance.now();
  children[subject].send('publish' satisfies Ask);
  while ((await streams.info(stream)).state.last_seq < events) {
    if (performance.now() - started > longestCatchUpMs)
      throw new Error(`${subject} does not get to the end of the log.`);
    await delay(5);
  }
  const perSecond = events / ((performance.now() - started) / 1_000);
  const cpuMicroseconds = cpuMicrosecondsEach(before, cpuTimes(parts), events);
  const stopped = toldBy(children[subject]);
  children[subject].send('stop' satisfies Ask);
  await stopped;
  return { subject, perSecond, cpuMicroseconds };
}

async function toldBy(child: ChildProcess): Promise<void> {
  const told = await messageOf<Told>(child);
  if (typeof told === 'object') throw new Error(told.error);
}

async function measureReceipts(dataDir: string, options: PublishOptions): Promise<readonly Receipts[]> {
  await using scope = ownScope();
  const urls = await startServers(scope, dataDir, ['eventStore', 'postgres', 'nats']);
  tell('starting the service');
  const service = startService(dataDir);
  scope.defer(() => service.stop());
  const heard = subscribe(await natsAt(scope, urls.nats));
  const next = await commandsOf(senderTo(await service.url));
  tell('warming up');
  await receive(next, heard, { ...options, seconds: Math.min(warmUpSeconds, options.seconds) });
  const measured: Receipts[] = [];
  for (let round = 0; round < options.rounds; round++) {
    tell(`round ${round + 1} of ${options.rounds}`);
    const receipts = await receive(next, heard, options);
    tell(`  99 % of the messages were received within ${percentile(receipts.heard, 0.99).toFixed(1)} ms`);
    measured.push(receipts);
  }
  return measured;
}

async function receive(
  next: () => Promise<Answered>,
  heard: (answered: Answered) => Promise<number>,
  options: PublishOptions,
): Promise<Receipts> {
  const { followed, perSecond } = await sendSteadily(options, next, heard);
  return { heard: followed, perSecond };
}

/** Hears what anybody hears. */
function subscribe(nats: NatsConnection): (answered: Answered) => Promise<number> {
  const arrivals = createArrivals();
  nats.subscribe('mti.evt.>', {
    callback: (error, { headers }) => {
      const at = performance.now();
      if (error || headers === undefined) throw error ?? new Error('a message without headers');
      arrivals.arrived(headers.get('ce-subject'), BigInt(headers.get('registry-revision')), at);
    },
  });
  return (answered) => arrivals.after(answered);
}

async function startServers<Name extends Server>(
  scope: AsyncDisposableStack,
  dataDir: string,
  servers: readonly Name[],
): Promise<Readonly<Record<Name, string>>> {
  tell('starting the servers');
  const { urls } = await startIn(scope, useStack({ dataDir, servers, log: tell }), (stack) => stack.stop());
  return urls as Record<Name, string>;
}

function logAt(url: string) {
  const log = connectEventStore({ url });
  return { ...log, [Symbol.asyncDispose]: () => log.close() };
}

async function natsAt(scope: AsyncDisposableStack, url: string): Promise<NatsConnection> {
  return startIn(scope, connect({ servers: url.replace(/^nats:\/\//, '') }), (nats) => nats.close());
}
