// Appends that wait for their commit when the server stops. In life they wait for a turn of the event loop; here until
// they are let go, so that the stop always comes first.

import { join } from 'node:path';
import { EventStoreDBClient } from '@eventstore/db-client';
import { status } from '@grpc/grpc-js';
import { afterEach, expect, it, vi } from 'vitest';
import { batchOf, chunk, rawClients } from '../../test/contract/raw.ts';
import { read } from '../../test/contract/support.ts';
import { temporaryFolder } from '../../test/support/temporary-folder.ts';
import { type Log, openLog } from './log.ts';
import { serveLog, startEventStore } from './server.ts';

const commits = vi.hoisted(() => ({ held: false }));

vi.mock(import('node:timers'), async (original) => {
  const timers = await original();
  const setImmediate = (work: () => void) => (commits.held ? undefined : timers.setImmediate(work));
  return { ...timers, setImmediate: setImmediate as typeof timers.setImmediate };
});

afterEach(() => {
  commits.held = false;
});

it('Appends that wait for their commit when the server stops are stored before calls end, and answered or failed', async () => {
  await using folder = await temporaryFolder();
  const file = join(folder.path, 'events.db');
  const log = openLog(file);
  let committed = 0;
  const transact: Log['transact'] = (work) => {
    log.transact(work);
    committed += 1;
  };
  const first = await serveLog({ ...log, transact }, {});
  committed = 0;
  const raw = rawClients(first.url);
  commits.held = true;
  using batch = batchOf(raw.streams);
  const appends = Array.from({ length: 20 }, () => chunk('a', [{}, {}]));
  // What is refused at once is answered when all before it have arrived.
  const fence = chunk('');
  batch.send(...appends, fence);
  await batch.answerTo(fence);
  expect(batch.answers).toHaveLength(1);
  const stopping = first.stop();
  // Nobody can have heard yet that the calls end.
  expect(committed).toBe(1);
  await stopping;
  const ends = await Promise.allSettled(appends.map((append) => batch.answerTo(append)));
  for (const end of ends) {
    if (end.status === 'rejected') expect([status.CANCELLED, status.UNAVAILABLE]).toContain(end.reason.code);
    else expect(end.value.hasSuccess()).toBe(true);
  }
  raw.close();

  commits.held = false;
  const second = await startEventStore({ file });
  const client = EventStoreDBClient.connectionString(second.url);
  expect(await read(client.readStream('a'))).toHaveLength(40);
  await client.dispose();
  await second.stop();
});
