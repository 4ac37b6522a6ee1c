import { expect, it } from 'vitest';
import { until } from '../../embedded/until.ts';
import { dataFolder } from '../support/temporary-folder.ts';
import { descendantsOf, isAlive, natsUrlOf, pidOf, type Service, startService } from './service.ts';
import { everythingPublished } from './subscriber.ts';

const rounds = 3;

it('loses no acknowledged event, publishes each once and leaves no process when it is killed under load', async () => {
  await using folder = await dataFolder();
  const acknowledged = new Set<string>();

  for (let round = 1; round <= rounds; round++) {
    const service = await startService({ dataDir: folder.path });
    const children = descendantsOf(pidOf(service));
    const load = createUntilItFails(service, acknowledged);
    const target = acknowledged.size + 100;
    await until(() => acknowledged.size >= target, 30_000);
    await service.end('SIGKILL');
    await load;

    expect(children.length).toBeGreaterThanOrEqual(3);
    expect(await until(() => !children.some(isAlive), 10_000)).toBe(true);
  }

  await using service = await startService({ dataDir: folder.path });
  const names = await allNames(service);
  expect([...acknowledged].filter((name) => !names.includes(name))).toEqual([]);
  expect(new Set(names).size).toBe(names.length);

  const published = async () => await everythingPublished(natsUrlOf(folder.path));
  expect(await until(async () => (await published()).length >= names.length, 20_000)).toBe(true);
  const heard = await published();
  expect(heard.map(({ body }) => JSON.parse(body).name).sort()).toEqual(names.toSorted());
  const positions = heard.map(({ headers }) => BigInt(headers['registry-position'] ?? ''));
  expect(positions.every((position, index) => index === 0 || position > (positions[index - 1] ?? 0n))).toBe(true);
  expect(new Set(heard.map(({ headers }) => headers['ce-id'])).size).toBe(heard.length);
});

it('stops cleanly on SIGTERM and has everything again after the next start', async () => {
  await using folder = await dataFolder();
  const first = await startService({ dataDir: folder.path });
  const children = descendantsOf(pidOf(first));
  const { body: organization } = await first.ask('POST', '/api/organizations', { name: 'Acme' });

  expect(await first.end('SIGTERM')).toBe(0);
  expect(children.filter(isAlive)).toEqual([]);

  await using second = await startService({ dataDir: folder.path });
  expect((await second.ask('GET', `/api/organizations/${organization.id}`)).body).toEqual(organization);
});

/** Sends commands, eight at a time, and notes each that is acknowledged, until the service does not answer any more. */
async function createUntilItFails(service: Service, acknowledged: Set<string>): Promise<void> {
  const prefix = new URL(service.url).port;
  let next = 0;
  const send = async () => {
    for (;;) {
      const name = `organization ${prefix}-${acknowledged.size}-${next++}`;
      const answer = await service.ask('POST', '/api/organizations', { name }, { prefer: 'respond-async' });
      if (answer.status === 201) acknowledged.add(name);
    }
  };
  const ends = await Promise.allSettled(Array.from({ length: 8 }, send));
  expect(ends.every(({ status }) => status === 'rejected')).toBe(true);
}

async function allNames(service: Service): Promise<readonly string[]> {
  const total = async () => (await service.ask('GET', '/api/organizations?limit=1')).body.pagination.total;
  // The last command waits until queries see it, and with it everything before.
  await service.ask('POST', '/api/organizations', { name: 'the last one' });
  const names: string[] = [];
  for (let offset = 0; offset < (await total()); offset += 100) {
    const { body } = await service.ask('GET', `/api/organizations?limit=100&offset=${offset}`);
    names.push(...body.data.map(({ name }) => name));
  }
  return names;
}
