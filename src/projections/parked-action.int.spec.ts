import pino from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createMigratedDatabase, withClient } from '../../test/support/database.ts';
import {
  aFactory,
  factoryCreated,
  factoryUpdated,
  gatewayCreated,
  organizationCreated,
  storedInOrder,
} from '../../test/support/examples.ts';
import { givenLog } from '../../test/support/given-log.ts';
import type { TestDatabase } from '../../test/support/servers.ts';
import type { Context } from '../context.ts';
import type { RegistryEvent } from '../events/catalogue.ts';
import { parkedAction } from './parked-action.ts';
import { createProgress } from './progress.ts';
import { startProjector } from './projector.ts';

const factoryStream = `factory-${aFactory}`;
const tooLong = 'x'.repeat(256);

let database: TestDatabase;
let printed: string[];

beforeEach(async () => {
  database = await createMigratedDatabase();
  printed = [];
  vi.spyOn(console, 'log').mockImplementation((line: string) => void printed.push(line));
});

afterEach(async () => {
  vi.restoreAllMocks();
  await database?.[Symbol.asyncDispose]();
});

describe('parked list', () => {
  it.each([[['list']], [[]]])('says so when nothing is parked: %j', async (words) => {
    await run(...words);
    expect(printed).toEqual(['Nothing is parked.']);
  });

  it('shows which streams wait, why and since when, and how many events wait behind each', async () => {
    await given(organizationCreated(), factoryCreated({ name: tooLong }), gatewayCreated());
    await run('list');
    const [head, ...more] = printed.join('\n').split('\n');
    expect(head).toMatch(
      new RegExp(`^${factoryStream}  revision 0  position 200  FactoryCreated  since \\d{4}-\\d\\d-\\d\\dT[\\d:.]+Z$`),
    );
    expect(more).toEqual(['  22001: value too long for type character varying(255)', '  1 event behind it']);
  });
});

describe('parked retry', () => {
  it('fails with what is parked still', async () => {
    await given(organizationCreated(), factoryCreated({ name: tooLong }));
    await expect(run('retry')).rejects.toThrow(/^Still parked:\nfactory-.*\n {2}22001: value too long/);
    expect(printed).toEqual(['0 events applied.']);
  });

  it('says how many events it has applied', async () => {
    await given(organizationCreated(), factoryCreated({ name: tooLong }), gatewayCreated());
    await withClient(database.url, (client) => client.query('ALTER TABLE factories ALTER name TYPE varchar(300)'));
    await run('retry', factoryStream);
    expect(printed).toEqual(['2 events applied.']);
  });
});

describe('parked skip', () => {
  it('says what it means', async () => {
    await given(organizationCreated(), factoryCreated(), factoryUpdated({ name: tooLong }));
    await run('skip', factoryStream, '1');
    expect(printed.join('\n')).toMatch(/^Skipped FactoryUpdated at revision 1 of factory-.*\n.*until a rebuild/);
    await run('list');
    expect(printed.at(-1)).toMatch(/^Skipped, .*: 1 event\n {2}factory-.* revision 1 {2}FactoryUpdated/);
  });

  it('says what is given up with it, and what cannot be shown because of it', async () => {
    await given(
      organizationCreated(),
      factoryCreated({ name: tooLong }),
      factoryUpdated({ location: 'Bremen' }),
      gatewayCreated(),
    );
    await run('skip', factoryStream);
    expect(printed.join('\n')).toMatch(/no row for 1 event after it: skipped too/);
    expect(printed.at(-1)).toMatch(/^Still parked:\ngateway-.*\n {2}23503: /);
  });
});

describe('words that make no sense', () => {
  it.each([
    [['lost'], /Unknown: lost/],
    [['list', 'all'], /a word too many/],
    [['retry', factoryStream, '1'], /a word too many/],
    [['skip'], /which stream/],
    [['skip', factoryStream, 'one'], /one is no revision/],
    [['skip', factoryStream, '1', '2'], /a word too many/],
  ])('are answered with the usage: %s', async (words, message) => {
    await expect(run(...words)).rejects.toThrow(message);
    await expect(run(...words)).rejects.toThrow(/\nUsage: npm run projections -- parked \[list\]/);
  });
});

function run(...words: readonly string[]): Promise<void> {
  return parkedAction.run({ context: { urls: { postgres: database.url } } as Context, openLog: noLog, words });
}

function noLog(): never {
  throw new Error('what is parked is in the tables alone');
}

/** What a projector makes of these events. */
async function given(...events: readonly RegistryEvent[]): Promise<void> {
  const stored = storedInOrder(...events);
  const progress = createProgress();
  const projector = startProjector({
    databaseUrl: database.url,
    eventLog: givenLog(...stored),
    progress,
    logger: pino({ level: 'silent' }),
  });
  const last = stored.at(-1)?.position ?? { commit: 0n, prepare: 0n };
  expect(await progress.reached(last, 20_000)).toBe(true);
  await projector.stop();
}
