// A service that is told to stop while a store is frozen: it ends all the same, in time for `docker stop`, and leaves nothing.
import { expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { dataFolder } from '../support/temporary-folder.ts';
import { commandOf, descendantsOf, isAlive, pidOf, runProgram, type Service, startService } from './service.ts';

/** `docker stop` kills after ten seconds. */
const stopsWithinMs = 9_500;

it.each(['event-store', 'postgres'])('one that works and one that stands by end while %s is frozen', async (store) => {
  await using folder = await dataFolder();
  await using stack = await startStack(folder.path);
  await using active = await startService({ dataDir: folder.path });
  await using standby = await startService({ dataDir: folder.path });
  await eventually(() => expect(standby.log()).toContain('another cascade is active'));
  await beginCascade(active);

  using _frozen = freeze(stack.servers(store));
  const ended = Promise.all([active.end('SIGTERM'), standby.end('SIGTERM')]);

  expect(await within(stopsWithinMs, ended)).toEqual([0, 0]);
});

it('one that runs the event store itself ends, and the event store with it, while that is frozen', async () => {
  await using folder = await dataFolder();
  await using service = await startService({ dataDir: folder.path });
  const children = descendantsOf(pidOf(service));
  await beginCascade(service);

  using _frozen = freeze(children.filter((pid) => isServer(pid, 'event-store')));
  expect(await within(2 * stopsWithinMs, service.end('SIGTERM'))).toBe(0);

  expect(children.filter(isAlive)).toEqual([]);
});

/** The servers of a data directory, which services there join. */
async function startStack(dataDir: string) {
  const { child, line, ended } = runProgram('embedded/main.ts', [], dataDir);
  await line(/(NATS_URL)/);
  return {
    servers: (name: string) => descendantsOf(child.pid).filter((pid) => isServer(pid, name)),
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM');
      await ended;
    },
  };
}

/** Not the shell that watches over it. */
function isServer(pid: number, name: string): boolean {
  return commandOf(pid).includes(name) && !commandOf(pid).startsWith('sh ');
}

function freeze(pids: readonly number[]): Disposable {
  expect(pids).not.toEqual([]);
  for (const pid of pids) process.kill(pid, 'SIGSTOP');
  return {
    [Symbol.dispose]() {
      for (const pid of pids.filter(isAlive)) process.kill(pid, 'SIGCONT');
    },
  };
}

/** Deletes an organization with so many factories that it takes a while. */
async function beginCascade({ ask }: Service): Promise<void> {
  const { body } = await ask('POST', '/api/organizations', { name: 'Acme' });
  const factories = Array.from({ length: 300 }, (_, index) =>
    ask('POST', '/api/factories', { organization_id: body.id, name: `Factory ${index}` }),
  );
  expect(new Set((await Promise.all(factories)).map(({ status }) => status))).toEqual(new Set([201]));
  expect((await ask('DELETE', `/api/organizations/${body.id}`)).status).toBe(204);
}

async function within<T>(milliseconds: number, promise: Promise<T>): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`it takes longer than ${milliseconds} ms`)), milliseconds);
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
