import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { eventually } from '../test/support/eventually.ts';
import { temporaryFolder } from '../test/support/temporary-folder.ts';
import { joinOrStart, type ServerKind } from './join-or-start.ts';
import type { StartedServer } from './launch.ts';
import { takingOver } from './take-over.ts';

const silent = () => undefined;

it('a server is started by who joined it once its owner has stopped it', async () => {
  await using scene = await twoWhoUse(async () => started());
  const used = takingOver(scene.kind, scene.dataDir, scene.joined, silent);
  await using _used = { [Symbol.asyncDispose]: used.stop };
  expect(scene.starts()).toBe(1);
  await scene.owner.stop();
  await eventually(() => expect(scene.starts()).toBe(2));
});

it('a server that cannot be started when its owner has stopped it has died, and why is told', async () => {
  let refusing = false;
  await using scene = await twoWhoUse(async () => {
    if (refusing) throw new Error('another program uses that port');
    return started();
  });
  const used = takingOver(scene.kind, scene.dataDir, scene.joined, silent);
  refusing = true;
  await scene.owner.stop();
  expect(await used.died).toMatchObject({ message: 'another program uses that port' });
  await used.stop();
});

it('a server that was taken over tells of its end, and is stopped by who took it over', async () => {
  const second = { ...started(), died: Promise.withResolvers<Error>(), stop: vi.fn(async () => undefined) };
  const starts = [started(), { ...second, died: second.died.promise }];
  await using scene = await twoWhoUse(async () => starts.shift() ?? started());
  const used = takingOver(scene.kind, scene.dataDir, scene.joined, silent);
  await scene.owner.stop();
  await eventually(() => expect(scene.starts()).toBe(2));
  second.died.resolve(new Error('the server ended'));
  expect(await used.died).toMatchObject({ message: 'the server ended' });
  await used.stop();
  expect(second.stop).toHaveBeenCalledOnce();
});

it('a server is not started by who has stopped using it', async () => {
  await using scene = await twoWhoUse(async () => started());
  const used = takingOver(scene.kind, scene.dataDir, scene.joined, silent);
  await Promise.all([used.stop(), scene.owner.stop()]);
  // Whoever comes next finds nobody who has it, and starts it.
  const next = await joinOrStart(scene.kind, scene.dataDir, undefined, silent);
  expect(next.owned).toBe(true);
  expect(scene.starts()).toBe(2);
  await next.stop();
});

/** A server with its owner, and somebody who has joined it. */
async function twoWhoUse(start: () => Promise<StartedServer>) {
  const folder = await temporaryFolder();
  mkdirSync(join(folder.path, 'run'));
  const starting = vi.fn(start);
  const kind: ServerKind = { name: 'a-server', title: 'A server', start: starting, answers: async () => true };
  const owner = await joinOrStart(kind, folder.path, undefined, silent);
  const joined = await joinOrStart(kind, folder.path, undefined, silent);
  expect([owner.owned, joined.owned]).toEqual([true, false]);
  return {
    kind,
    dataDir: folder.path,
    owner,
    joined,
    starts: () => starting.mock.calls.length,
    [Symbol.asyncDispose]: async () => {
      await owner.stop();
      await folder[Symbol.asyncDispose]();
    },
  };
}

function started(): StartedServer {
  return {
    url: 'nats://127.0.0.1:4',
    port: 4,
    instance: 'an-instance',
    died: new Promise(() => undefined),
    stop: async () => undefined,
  };
}
