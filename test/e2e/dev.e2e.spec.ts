import { utimesSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { until } from '../../embedded/until.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { descendantsOf, isAlive, type Running, runProgram } from './service.ts';

const ready = /^ready (http:\S+)$/;

it('restarts the service on a change, keeps the servers, and leaves nothing behind however it ends', async () => {
  await using folder = await temporaryFolder();
  await using first = dev(folder.path);
  expect((await fetch(`${await first.line(ready)}/api/health`)).status).toBe(200);

  const now = new Date();
  utimesSync(join(import.meta.dirname, '../../src/app.ts'), now, now);
  expect((await fetch(`${await first.line(ready, 2)}/api/health`)).status).toBe(200);
  expect(first.output().match(/: started on /g)).toHaveLength(3);
  expect(first.output().match(/: joined /g)).toHaveLength(6);

  const killed = descendantsOf(first.child.pid);
  first.child.kill('SIGKILL');
  expect(killed.length).toBeGreaterThanOrEqual(5);
  expect(await until(() => !killed.some(isAlive), 20_000)).toBe(true);

  await using second = dev(folder.path);
  await second.line(ready);
  const interrupted = descendantsOf(second.child.pid);
  second.child.kill('SIGINT');
  expect(await second.ended).toBe(0);
  expect(interrupted.filter(isAlive)).toEqual([]);
});

function dev(dataDir: string): Running & AsyncDisposable {
  const running = runProgram('embedded/dev.ts', [], dataDir, { PORT: '0' });
  return {
    ...running,
    [Symbol.asyncDispose]: async () => {
      running.child.kill('SIGTERM');
      await running.ended;
    },
  };
}
