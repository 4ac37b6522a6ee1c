// npm run bench:freshness: how long after the answer to a command its row is visible, at a steady rate of commands; beside
// the time until a plain subscription has the event.

import { availableParallelism, loadavg } from 'node:os';
import { type Stack, useStack } from '../embedded/stack.ts';
import { connectEventStore } from '../src/infrastructure/event-store.ts';
import { connect } from '../src/infrastructure/postgres.ts';
import { type FreshnessOptions, optionsOf, usage } from './freshness-options.ts';
import { spreadOf, spreadText, tableOf, wholeText } from './rounds.ts';
import { ownFolder, runBenchmark, running, startIn, tell } from './run.ts';
import { startService } from './service.ts';
import { type Answered, commandsOf, createArrivals, percentile, senderTo, sendSteadily } from './steady-commands.ts';

/** Milliseconds after the answers, of one round; below 0 for before. */
interface Reading {
  readonly visible: readonly number[];
  readonly heard: readonly number[];
  readonly perSecond: number;
}

const aim = 25;
const warmUpSeconds = 3;

await runBenchmark({
  usage,
  optionsOf,
  measure: async (options) => reportOf(await measureAll(options), options),
});

async function measureAll(options: FreshnessOptions): Promise<readonly Reading[]> {
  const folder = await ownFolder('freshness');
  tell('starting the servers');
  const stack = await startIn(
    running,
    useStack({ dataDir: folder, servers: ['eventStore', 'postgres', 'nats'], log: tell }),
    (started) => started.stop(),
  );
  tell('starting the service');
  const service = startService(folder);
  running.defer(() => service.stop());
  const send = senderTo(await service.url);
  const watching = await watch(stack);
  const next = await commandsOf(send);
  tell('warming up');
  await measure(next, watching, { ...options, seconds: Math.min(warmUpSeconds, options.seconds) });
  const readings: Reading[] = [];
  for (let round = 0; round < options.rounds; round++) {
    tell(`round ${round + 1} of ${options.rounds}`);
    const reading = await measure(next, watching, options);
    tell(`  99 % of the rows were visible within ${percentile(reading.visible, 0.99).toFixed(1)} ms`);
    readings.push(reading);
  }
  return readings;
}

interface Watching {
  /** Milliseconds from the answer until the row was seen; below 0 when it was there before. */
  visible(answered: Answered): Promise<number>;
  /** Milliseconds from the answer until a subscription had the event. */
  heard(answered: Answered): Promise<number>;
}

/** Looks for rows when something has changed, and not by the clock; and subscribes beside it. */
async function watch({ urls: { postgres = '', eventStore = '' } }: Stack): Promise<Watching> {
  const seen = createArrivals();
  const heard = createArrivals();
  const listener = running.use(await connect({ databaseUrl: postgres, name: 'bench listener' }));
  const reader = running.use(await connect({ databaseUrl: postgres, name: 'bench reader' }));
  const look = again(async () => {
    const { rows } = await reader.client.query<{ id: string; revision: string }>({
      name: 'look',
      text: `SELECT id, stream_revision::text AS revision FROM organizations WHERE id = ANY ($1::uuid[])
        UNION ALL SELECT id, stream_revision::text FROM gateways WHERE id = ANY ($1::uuid[])`,
      values: [seen.awaited()],
    });
    const at = performance.now();
    for (const { id, revision } of rows) seen.arrived(id, BigInt(revision), at);
  });
  listener.client.on('notification', look);
  await listener.client.query('LISTEN registry_progress');

  const log = running.adopt(connectEventStore({ url: eventStore }), (store) => store.close());
  const stopping = new AbortController();
  running.defer(() => stopping.abort());
  const hear = async () => {
    const streamPrefixes = ['organization-', 'gateway-'];
    for await (const items of log.subscribe({ streamPrefixes, after: 'start', signal: stopping.signal })) {
      const at = performance.now();
      for (const item of items) {
        if (item.kind === 'event') heard.arrived(item.event.stream.slice(-36), item.event.revision, at);
      }
    }
  };
  hear().catch((error: unknown) => tell(`the subscription ended: ${error}`));
  return {
    visible: (answered) => {
      const after = seen.after(answered);
      look();
      return after;
    },
    heard: (answered) => heard.after(answered),
  };
}

/** Work that is asked for: once at a time, and once more when it was asked for meanwhile. */
function again(work: () => Promise<void>): () => void {
  let asked = false;
  let working = false;
  const go = async () => {
    working = true;
    while (asked) {
      asked = false;
      await work();
    }
    working = false;
  };
  return () => {
    asked = true;
    if (!working) go().catch((error: unknown) => running.disposed || tell(`a row could not be looked for: ${error}`));
  };
}

async function measure(
  next: () => Promise<Answered>,
  { visible, heard }: Watching,
  options: FreshnessOptions,
): Promise<Reading> {
  const { followed, perSecond } = await sendSteadily(options, next, async (answered) => {
    const [seenAfter, heardAfter] = await Promise.all([visible(answered), heard(answered)]);
    return { visible: seenAfter, heard: heardAfter };
  });
  return { visible: followed.map((each) => each.visible), heard: followed.map((each) => each.heard), perSecond };
}

function reportOf(readings: readonly Reading[], { rate, rounds, seconds }: FreshnessOptions): string {
  const rowOf = (title: string, series: readonly (readonly number[])[]) => [
    title,
    ...[0.5, 0.9, 0.99, 1].map((part) => spreadText(spreadOf(series.map((values) => percentile(values, part))))),
  ];
  const visible = readings.map((reading) => reading.visible);
  const heard = readings.map((reading) => reading.heard);
  const between = visible.map((values, round) => values.map((value, index) => value - (heard[round]?.[index] ?? 0)));
  const p99 = spreadOf(visible.map((values) => percentile(values, 0.99)));
  return [
    `Node ${process.version} on ${process.platform}, ${availableParallelism()} cores, load ${loadavg()[0]?.toFixed(1)} at its ` +
      `end; ${wholeText(rate)} commands a second, ${rounds} rounds of ${seconds} s ` +
      `(${wholeText(spreadOf(readings.map(({ perSecond }) => perSecond)).median)} a second sent and seen).`,
    'Milliseconds. Medians of the rounds; in brackets the least and the greatest.',
    tableOf(
      ['', 'median', '90 %', '99 %', 'longest'],
      [
        rowOf('from the answer until the row is visible', visible),
        rowOf('from the answer until a subscription has the event', heard),
        rowOf('from there until the row is visible', between),
      ],
    ),
    `aim: 99 % within ${aim} ms: ${p99.median <= aim ? 'met' : 'missed'}, measured ${spreadText(p99)}`,
  ].join('\n\n');
}
