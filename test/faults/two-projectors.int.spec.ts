// Two projectors on one database. The active one is killed, or it is frozen, loses its session and with it the lock, and
// is woken when the other has long gone on: it may write nothing then, and stands by. Or it is the other that is frozen when
// its turn comes, and a third one has to go on.
import { setTimeout as pause } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { createMigratedDatabase, withClient } from '../support/database.ts';
import type { Program } from './program.ts';
import { kills, randomNumbers, sayingTheSeed, seed } from './random.ts';
import { projecting, type Scene, setScene, standingBy } from './scene.ts';

const takeoverWithinMs = 5_000;
/** Postgres waits ten seconds for a session that is silent. */
const passedOnWithinMs = 20_000;
const rounds = Math.max(2, Math.round(kills / 2));

it(
  'of two projectors one writes, also when the other wakes up late and still believes that it is the one',
  () => sayingTheSeed(oneWrites),
  60_000 + rounds * 30_000,
);

it('a projector that is given the lock while it is frozen does not keep it', async () => {
  await using database = await createMigratedDatabase();
  await using scene = await setScene(database.url);
  const [active, frozen] = await rivals(scene);
  await scene.load.goesOn(10);
  frozen.child.kill('SIGSTOP');
  await active.kill();
  const third = scene.startProjector();
  await third.saysMoreThan(0, projecting, passedOnWithinMs);
  await scene.load.goesOn(10);
  frozen.child.kill('SIGCONT');
  // Its session is gone; then it comes back for its turn.
  await frozen.saysMoreThan(1, standingBy);
  await scene.load.stop();
  expect(await scene.expectNoDifference()).toHaveLength(2);
}, 90_000);

async function oneWrites(): Promise<void> {
  const random = randomNumbers(seed);
  await using database = await createMigratedDatabase();
  await using scene = await setScene(database.url);
  let [active, other] = await rivals(scene);
  for (let round = 0; round < rounds; round++) {
    await scene.load.goesOn(10);
    await pause(random.below(200));
    const before = other.count(projecting);
    if (round % 2 === 0) {
      active.child.kill('SIGSTOP');
      await terminateHolder(database.url);
      await other.saysMoreThan(before, projecting, takeoverWithinMs);
      await scene.load.goesOn(random.below(50));
      await scene.isProjected();
      const stoodBy = active.count(standingBy);
      active.child.kill('SIGCONT');
      await active.saysMoreThan(stoodBy, standingBy);
      [active, other] = [other, active];
    } else {
      await active.kill();
      await other.saysMoreThan(before, projecting, takeoverWithinMs);
      active = other;
      other = scene.startProjector();
      await other.saysMoreThan(0, standingBy);
    }
    await scene.isProjected();
  }
  await scene.load.stop();

  const takeovers = await scene.expectNoDifference();
  // Nobody else has taken over, however late it woke up.
  expect(takeovers).toHaveLength(rounds + 1);
}

/** Both are started at once: the one that got the lock, and the other. */
async function rivals(scene: Scene): Promise<[Program, Program]> {
  const [one, another] = [scene.startProjector(), scene.startProjector()];
  const starts = await Promise.race([
    one.saysMoreThan(0, projecting).then(() => [one, another] as const),
    another.saysMoreThan(0, projecting).then(() => [another, one] as const),
  ]);
  await starts[1].saysMoreThan(0, standingBy);
  return [...starts];
}

/** Ends the session that holds the lock: a projector that sleeps does not notice. */
async function terminateHolder(databaseUrl: string): Promise<void> {
  const { rows } = await withClient(databaseUrl, (client) =>
    client.query(`
      SELECT pg_terminate_backend(pid) AS terminated FROM pg_locks
      WHERE locktype = 'advisory' AND granted
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`),
  );
  expect(rows).toEqual([{ terminated: true }]);
}
