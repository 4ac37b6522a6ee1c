// Postgres, stopped at random moments under load, mostly as by a crash (`pg_ctl stop -m immediate`), and started again. The
// projector does not wait for the disk when it commits: after a crash the last batches may be gone, but only together with
// their checkpoint.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import pino from 'pino';
import { expect, it } from 'vitest';
import { startPostgres } from '../../embedded/postgres.ts';
import { migrate } from '../../src/database/migrate.ts';
import type { Checkpoint } from '../../src/projections/checkpoint.ts';
import { comparePositions } from '../../src/projections/progress.ts';
import { withClient } from '../support/database.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { randomNumbers, restarts, sayingTheSeed, seed } from './random.ts';
import { projecting, setScene } from './scene.ts';

it(
  'a projector whose Postgres is stopped or crashes again and again goes on from what Postgres has kept',
  () => sayingTheSeed(survivesRestarts),
  60_000 + restarts * 30_000,
);

async function survivesRestarts(): Promise<void> {
  const random = randomNumbers(seed);
  await using postgres = await startCrashingPostgres();
  await migrate({ databaseUrl: postgres.url, logger: pino({ level: 'silent' }) });
  await using scene = await setScene(postgres.url);
  await using projector = scene.startProjector();
  const before: Checkpoint[] = [];
  for (let restarted = 0; restarted < restarts; restarted++) {
    await projector.saysMoreThan(restarted, projecting);
    await pause(random.below(500));
    await scene.isProjected();
    before.push(await scene.checkpoint());
    await (restarted % 3 === 1 ? postgres.stop() : postgres.crash());
    // Commands need no Postgres.
    await scene.load.goesOn(20);
    await postgres.start();
    await scene.isProjected();
  }
  await scene.load.stop();

  const takeovers = await scene.expectNoDifference();
  const lost = before.filter(({ epoch, position }) => {
    const next = takeovers.find((takeover) => takeover.epoch === epoch + 1n);
    return position && next && (!next.position || comparePositions(next.position, position) < 0);
  });
  // Otherwise nothing was shown.
  expect(lost).not.toEqual([]);
}

async function startCrashingPostgres() {
  await using starting = new AsyncDisposableStack();
  const folder = starting.use(await temporaryFolder());
  let server = await startPostgres(folder.path);
  const { url, port } = server;
  starting.defer(() => server.stop());
  // Of its own accord it would write down what was committed within 200 ms, and a crash would seldom take much with it.
  await withClient(url, async (client) => {
    await client.query(`ALTER SYSTEM SET wal_writer_delay = '10s'`);
    await client.query(`ALTER SYSTEM SET wal_writer_flush_after = '1GB'`);
    await client.query('SELECT pg_reload_conf()');
  });
  const owned = starting.move();
  return {
    url,
    stop: () => server.stop(),
    async crash() {
      const pid = Number((await readFile(join(folder.path, 'postgres', 'postmaster.pid'), 'utf8')).split('\n')[0]);
      process.kill(pid, 'SIGQUIT');
      await server.died;
    },
    async start() {
      server = await startPostgres(folder.path, { fixed: port });
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
