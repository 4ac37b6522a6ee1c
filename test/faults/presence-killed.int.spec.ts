// Two presence processes, of which one is active. It is killed, frozen and woken, loses its session, its NATS, its event store
// or the tables that follow, at random moments, while gateways come and go. Nobody that was heard may be called silent, whoever
// is heard comes, every change must be one, and in the end the tables show who is there. KILLS=50 makes it long.
import { setTimeout as pause } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { listeningToHeartbeats, type PresenceScene, setPresenceScene } from './presence-scene.ts';
import type { Program } from './program.ts';
import { kills, type Random, randomNumbers, sayingTheSeed, seed } from './random.ts';

it(
  'presence processes that fail again and again call nobody silent who was heard, miss nobody, and tell each change once',
  () => sayingTheSeed(survivesFaults),
  120_000 + kills * 15_000,
);

const faults = 7;

async function survivesFaults(): Promise<void> {
  const random = randomNumbers(seed);
  await using scene = await setPresenceScene();
  const processes = [scene.startPresence(), scene.startPresence()];
  await scene.during(() => Promise.race(processes.map((program) => program.saysMoreThan(0, listeningToHeartbeats))));
  const first = random.below(faults);
  const restAfter = random.below(kills);
  for (let count = 0; count < kills; count++) {
    scene.stir(random);
    await pause(random.below(4_000));
    await scene.during(() => befall(scene, processes, random, first + count));
    // Half a minute in which nobody may be missed is for the long form.
    if (kills < faults || count !== restAfter) continue;
    await scene.during(() => changeOwnerBehind(scene, random));
    scene.stir(random);
    await scene.rest();
    scene.startProjector();
  }
  scene.quieten();
  await scene.showsWhoIsThere();
  expect(await scene.complaints()).toEqual([]);
}

/** Tables that stand still excuse nobody: who takes over hears those who have gone by the log, and are there by the tables. */
async function changeOwnerBehind(scene: PresenceScene, random: Random): Promise<void> {
  scene.stir(random);
  await pause(3_000);
  await scene.stopProjector();
  scene.quieten();
  await pause(6_000);
  await scene.terminateHolder();
}

/** One after the other, from any on, so that the short form has others each time. */
async function befall(scene: PresenceScene, processes: Program[], random: Random, fault: number): Promise<void> {
  const index = random.below(processes.length);
  const program = processes[index];
  if (program === undefined) throw new Error('there are two');
  switch (fault % faults) {
    case 0:
      await program.kill();
      processes[index] = scene.startPresence();
      return;
    case 1:
      await scene.nats.kill();
      await pause(random.below(5_000));
      return scene.nats.start();
    case 2:
      program.child.kill('SIGSTOP');
      await pause(random.below(14_000));
      program.child.kill('SIGCONT');
      return;
    case 3:
      scene.nats.freeze();
      await pause(random.below(5_000));
      return scene.nats.thaw();
    case 4:
      return scene.terminateHolder();
    case 5:
      return scene.restartEventStore();
    default:
      await scene.stopProjector();
      await pause(random.below(8_000));
      return scene.startProjector();
  }
}
