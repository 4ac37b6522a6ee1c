// What the mirror depends on, under load: NATS killed, frozen, and wiped, the event store killed, and a rival that takes over.
// Then the bucket must show what the tables of the read model show.
import { setTimeout as pause } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { type MirrorScene, setMirrorScene } from './mirror-scene.ts';
import { natsServersBySeed } from './nats-servers.ts';
import { type Random, randomNumbers, restarts, sayingTheSeed, seed } from './random.ts';

it.each(natsServersBySeed())(
  'a mirror whose servers are killed, frozen and wiped equals the read model, alone and beside a rival: %s',
  (_, natsServer) => sayingTheSeed(() => survivesServers(natsServer)),
  60_000 + restarts * 40_000,
);

const faults = [natsKilled, natsFrozen, natsWiped, eventStoreKilled] as const;

async function survivesServers(natsServer: string): Promise<void> {
  const random = randomNumbers(seed);
  await using scene = await setMirrorScene(natsServer);
  await using mirror = scene.startMirror();
  let rival = scene.startMirror();
  for (let round = 0; round < restarts + 1; round++) {
    await scene.moves(random.of([0, 400]) ?? 0);
    await pause(random.below(50));
    await faults[round % faults.length]?.(scene, random);
    await rival.kill();
    if (round % 2 === 0) rival = scene.startMirror();
    // Sometimes the next one comes before it has found back.
    if (random.below(3) > 0) await scene.follows();
  }
  await scene.load.stop();

  await scene.equalsTheReadModel();
  expect(mirror.count(/mirror failed/)).toBeGreaterThan(0);
}

async function natsKilled({ nats, load }: MirrorScene): Promise<void> {
  await nats.kill();
  await load.goesOn(20);
  await nats.start();
}

async function natsFrozen({ nats, load }: MirrorScene, random: Random): Promise<void> {
  nats.freeze();
  await load.goesOn(20);
  await pause(random.below(2_500));
  nats.thaw();
}

async function natsWiped({ nats, load }: MirrorScene): Promise<void> {
  await nats.kill();
  await nats.wipe();
  await load.goesOn(20);
  await nats.start();
}

async function eventStoreKilled({ restartEventStore, load }: MirrorScene): Promise<void> {
  await restartEventStore();
  await load.goesOn(20);
}
