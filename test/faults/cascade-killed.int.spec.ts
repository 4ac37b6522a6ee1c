// Organizations, factories and gateways are created, deleted, restored and moved at random, by several at once and with few
// device ids, while the cascade and the projector are killed at random moments (kill -9), or frozen until others have gone on
// without them. KILLS=50 makes it long.
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { spawned } from '../../embedded/event-store/spawned.ts';
import { connectEventStore } from '../../src/infrastructure/event-store.ts';
import { pauseFor } from '../../src/infrastructure/lifecycle.ts';
import { deleteMarkerBy, readHistory, untilQuiet } from '../support/cascade.ts';
import { createMigratedDatabase, withClient } from '../support/database.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { complaints } from './cascade-judge.ts';
import { type CascadeLoad, startCascadeLoad } from './cascade-load.ts';
import { type Program, startProgram } from './program.ts';
import { kills, type Random, randomNumbers, sayingTheSeed, seed } from './random.ts';
import { projecting } from './scene.ts';

const reacting = /"msg":"reacting"/;

it(
  'whatever is killed or frozen meanwhile: in the end no active child is left under a deleted parent, and what came back is ' +
    'what had gone',
  () => sayingTheSeed(settlesDown),
  120_000 + kills * 10_000,
);

async function settlesDown(): Promise<void> {
  const random = randomNumbers(seed);
  await using stage = await setStage();
  const { load, log } = stage;
  for (let fault = 0; fault < kills; fault++) {
    await load.goesOn(150 + random.below(150));
    await pause(random.below(150));
    await happen(random, stage);
  }
  await stage.wakeAll();
  await load.stop();
  await untilQuiet(log, () => deleteMarkerBy(load.send), 60_000).catch((error: Error) => {
    error.message += `\n${stage.lastWords()}`;
    throw error;
  });

  const history = await readHistory(log);
  expect(complaints(history).slice(0, 10)).toEqual([]);
  // Or it has shown nothing.
  const followed = history.filter(({ metadata }) => metadata.actor === 'process:cascade');
  const types = new Set(followed.map(({ type }) => type));
  expect([...types]).toEqual(expect.arrayContaining(['GatewaySoftDeleted', 'GatewayRestored']));
}

async function happen(random: Random, stage: Stage): Promise<void> {
  switch (random.of(['kill', 'kill', 'kill', 'projector', 'freeze', 'wake'] as const)) {
    case 'kill':
      return stage.replaceCascade(random.below(2));
    case 'projector':
      return stage.replaceProjector();
    case 'freeze':
      return stage.freezeCascade(random.below(2));
    default:
      return stage.wakeAll();
  }
}

interface Stage extends AsyncDisposable {
  readonly load: CascadeLoad;
  readonly log: ReturnType<typeof connectEventStore>;
  replaceCascade(which: number): Promise<void>;
  replaceProjector(): Promise<void>;
  /** Stops one in the middle of what it does; when it had the lock, the other one gets it. */
  freezeCascade(which: number): Promise<void>;
  wakeAll(): Promise<void>;
  lastWords(): string;
}

/** An event store of its own as a process, a database, a projector, two cascades that stand by for each other, and the load. */
async function setStage(): Promise<Stage> {
  await using setting = new AsyncDisposableStack();
  const database = setting.use(await createMigratedDatabase());
  const folder = setting.use(await temporaryFolder());
  const eventStore = spawned(['--file', join(folder.path, 'events.db'), '--stop-with-parent']);
  setting.defer(() => eventStore.kill());
  const url = await eventStore.ready;
  const log = setting.adopt(connectEventStore({ url }), (store) => store.close());

  const environment = { EVENTSTORE_URL: url, DATABASE_URL: database.url };
  const start = (file: string) => startProgram(file, environment);
  let projector = start('projector-process.ts');
  setting.defer(() => projector.kill());
  const cascades = [start('cascade-process.ts'), start('cascade-process.ts')];
  setting.defer(async () => void (await Promise.all(cascades.map((cascade) => cascade.kill()))));
  await projector.saysMoreThan(0, projecting);
  setting.use(hiccup(randomNumbers(seed), () => projector));
  await Promise.race(cascades.map((cascade) => cascade.saysMoreThan(0, reacting)));
  const load = setting.adopt(startCascadeLoad(log, seed), (running) => running.stop());

  const owned = setting.move();
  return {
    load,
    log,
    async replaceCascade(which) {
      await cascades[which]?.kill();
      cascades[which] = start('cascade-process.ts');
    },
    async replaceProjector() {
      await projector.kill();
      projector = start('projector-process.ts');
    },
    async freezeCascade(which) {
      cascades[which]?.child.kill('SIGSTOP');
      await endSessions(database.url);
      await load.goesOn(50);
    },
    wakeAll: async () => void cascades.map((cascade) => cascade.child.kill('SIGCONT')),
    lastWords: () => [projector, ...cascades].map((program: Program) => program.lastWords()).join('\n'),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** Tables that are now up to date, now behind. */
function hiccup(random: Random, projector: () => Program): AsyncDisposable {
  const stopping = new AbortController();
  const ended = (async () => {
    while (!stopping.signal.aborted) {
      await pauseFor(random.below(150), stopping.signal);
      const { child } = projector();
      child.kill('SIGSTOP');
      await pauseFor(random.below(150), stopping.signal);
      child.kill('SIGCONT');
    }
  })();
  return {
    async [Symbol.asyncDispose]() {
      stopping.abort();
      await ended;
    },
  };
}

/** Postgres would do it after ten seconds of silence. */
async function endSessions(databaseUrl: string): Promise<void> {
  await withClient(databaseUrl, (client) =>
    client.query(`
      SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE application_name = 'registry cascade' AND datname = current_database()`),
  );
}
