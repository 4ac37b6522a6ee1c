// No password leaves the registry, whatever one asks of it: it is in no answer, no log line, no message and no table. One that
// is encrypted is in the event log and in the tables that hold gateways and their events, and nowhere else either.
import { beforeAll, describe, expect, it } from 'vitest';
import { encode } from '../../src/events/codec.ts';
import { DeviceId, FactoryId, GatewayId, OrganizationId, ReservationId } from '../../src/events/ids.ts';
import { uuidv7 } from '../../src/events/new-id.ts';
import { createEncryption } from '../../src/infrastructure/encryption.ts';
import { connectEventStore } from '../../src/infrastructure/event-store.ts';
import { parseKeys } from '../../src/infrastructure/key-ring.ts';
import { withClient } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { gatewayCreated } from '../support/examples.ts';
import { encodedKey } from '../support/key-rings.ts';
import { dataFolder } from '../support/temporary-folder.ts';
import { overhear, readLog, readServerLogs, readStreams, readTables, urlOf } from './secrets-channels.ts';
import { askAsConnector, credentialsEnvironment } from './secrets-connector.ts';
import {
  type Asking,
  askForPast,
  asking,
  askProperly,
  askWrongly,
  createThings,
  gatewayIn,
  type Operation,
  readOperations,
} from './secrets-requests.ts';
import { findLeaks, formsOfSealed, formsOfWord, type Said } from './secrets-search.ts';
import { runCommand, runProgram, type Service, startService } from './service.ts';

/** Stands at both ends of the password, so that what was cut off is found as well. */
const word = 'kQ7zX9wPbT';
const password = `${word} "ü\\/+&<%😀' ${word}`;

const oldKey = `old:${encodedKey(0xa1)}`;
const newKey = `new:${encodedKey(0xb2)}`;
const encryption = createEncryption(parseKeys(`${newKey},${oldKey}`));

/** The tables that may hold what is encrypted: gateways, and their events where those cannot be shown. */
const tablesOfGateways = ['gateways', 'projection_parked'];

const heard = {
  answers: [] as Said[],
  logs: [] as Said[],
  messages: [] as Said[],
  events: [] as Said[],
  tables: [] as Said[],
  'tables of gateways': [] as Said[],
};
const statuses = new Map<Operation, number>();
/** What a connector was told over NATS, and opened. */
const told: string[] = [];
/** What is encrypted, with the gateway it is of. */
let sealed: readonly (readonly [gateway: GatewayId, text: string])[];

beforeAll(async () => {
  await using folder = await dataFolder();
  const dataDir = folder.path;
  const run = async (script: string, keys: string) => {
    const { output } = await runCommand(script.split(' '), dataDir, { LOG_LEVEL: 'trace', ENCRYPTION_KEYS: keys });
    heard.logs.push({ where: `npm run ${script}`, text: output });
  };

  await using first = await startLoud(dataDir, oldKey);
  await using overheard = await overhear(urlOf(dataDir, 'nats'));
  const watching = runProgram('src/main.ts', ['events:watch'], dataDir, { LOG_LEVEL: 'trace' });
  await using scope = new AsyncDisposableStack();
  scope.defer(async () => {
    watching.child.kill('SIGINT');
    await watching.ended;
  });
  await askEverything(first);
  const changed = await askAfterChange(first);
  told.push(await askAsConnector(urlOf(dataDir, 'nats'), changed));
  await appendPoison(first);
  await run('keys rotate', newKey);
  await first.end('SIGTERM');

  await using service = await startLoud(dataDir, `${newKey},${oldKey}`);
  for (const script of ['keys status', 'keys rotate', 'keys status', 'db:status', 'projections status']) {
    await run(script, `${newKey},${oldKey}`);
  }
  const asked = asking(service);
  await askForPast(asked, changed, 2);
  told.push(await askAsConnector(urlOf(dataDir, 'nats'), changed));
  await mixUp(dataDir);
  for (const action of ['parked list', 'parked retry', 'verify', 'rebuild', 'parked list', 'verify', 'rollback']) {
    await run(`projections ${action}`, newKey);
  }
  await run('keys status', oldKey);
  await using away = await startLoud(dataDir, newKey, { EVENTSTORE_URL: 'esdb://127.0.0.1:1?tls=false' });
  await askWhileAway(away);
  await away.end('SIGTERM');
  const last = await asked.ask('POST', '/api/organizations', { name: 'The last one' }, { prefer: 'wait=30' });
  heard.answers.push(...asked.heard);

  heard.events.push(...(await readLog(urlOf(dataDir, 'event-store'))));
  for (const { table, rows } of await readTables(urlOf(dataDir, 'postgres'))) {
    heard[tablesOfGateways.includes(table) ? 'tables of gateways' : 'tables'].push(...rows);
  }
  await eventually(async () => {
    heard.messages = [...(await readStreams(urlOf(dataDir, 'nats'))), ...overheard.said];
    expect(heard.messages.some(({ text }) => text.includes(last.body.id ?? 'no id'))).toBe(true);
  });
  await scope.disposeAsync();
  await service.end('SIGTERM');
  heard.logs.push({ where: 'npm run events:watch', text: watching.output() });
  for (const { log } of [first, service, away]) heard.logs.push({ where: 'npm start', text: log() });
  heard.logs.push(...readServerLogs(dataDir));
  sealed = heard.events.flatMap(({ where, text }) => {
    const [, id] = / in gateway-(.*)$/.exec(where) ?? [];
    return [...text.matchAll(/v1\.(?:old|new)(?:\.[\w-]+){3}/g)].map(
      ([found]) => [GatewayId.parse(id), found] as const,
    );
  });
}, 300_000);

describe('a password', () => {
  it.each(['answers', 'logs', 'messages', 'events', 'tables', 'tables of gateways'] as const)(
    'is in none of the %s',
    (channel) => {
      expect(findLeaks(heard[channel], formsOfWord(word))).toEqual([]);
    },
  );

  it.each(['answers', 'logs', 'messages', 'tables'] as const)('is, encrypted, in none of the %s', (channel) => {
    expect(
      findLeaks(
        heard[channel],
        sealed.flatMap(([, text]) => formsOfSealed(text)),
      ),
    ).toEqual([]);
  });

  it('is, encrypted, in the events, and the newest one in the tables of gateways', () => {
    const passwords = sealed.map(([gateway, text]) => encryption.open(text, gateway));
    expect(passwords.filter((found) => found.includes(word)).length).toBeGreaterThan(50);
    const inTables = heard['tables of gateways'].map(({ text }) => text).join('\n');
    const missing = [...new Map(sealed)].filter(([, text]) => !inTables.includes(text));
    expect(missing).toEqual([]);
  });
});

describe('this was looked for', () => {
  it('in answers of every operation that the document has, done and refused', () => {
    const failed = [...statuses].filter(([, status]) => status >= 300);
    expect(failed.map(([{ method, path }, status]) => `${method} ${path}: ${status}`)).toEqual([]);
    for (const status of [200, 201, 204, 302, 304, 400, 404, 409, 412, 413, 415, 422, 503]) {
      expect(
        heard.answers.some(({ where }) => where.includes(`: ${status} to`)),
        `${status}`,
      ).toBe(true);
    }
    const codes = [
      'GATEWAY_ID_TAKEN',
      'IDEMPOTENCY_KEY_REUSED',
      'VALIDATION_ERROR',
      'ROUTE_NOT_FOUND',
      'PRECONDITION_FAILED',
    ];
    for (const code of codes) {
      expect(
        heard.answers.some(({ text }) => text.includes(code)),
        code,
      ).toBe(true);
    }
  });

  it('in what is told of the past, after passwords were changed and encrypted anew', () => {
    const histories = heard.answers.filter(({ where }) => where.endsWith('/history'));
    for (const part of ['"password":"changed"', '"password":"encrypted anew"']) {
      expect(
        histories.some(({ text }) => text.includes(part)),
        part,
      ).toBe(true);
    }
  });

  it('in logs and answers of scripts: of passwords that do not open, and of events that are parked', () => {
    const said = heard.logs.map(({ text }) => text).join('\n');
    for (const part of ['sealed with key old, which is not here', 'Every password is encrypted with key new']) {
      expect(said).toContain(part);
    }
    for (const part of ['value too long', 'duplicate key value', 'password_encrypted differs'])
      expect(said).toContain(part);
    for (const level of [20, 30, 40, 50]) expect(said).toContain(`{"level":${level},`);
  });

  it('in messages of every stream, and in all that the service says to NATS', () => {
    const places = heard.messages.map(({ where }) => where);
    for (const part of ['gateway-created', 'gateway-password-changed', 'in MTI_EVENTS', '$JS.API']) {
      expect(
        places.some((where) => where.includes(part)),
        part,
      ).toBe(true);
    }
  });

  it('in what a connector was told, before and after a rotation, and in what is recorded of it', () => {
    expect(told).toEqual([`${password} two`, `${password} two`]);
    const messages = heard.messages.map(({ text }) => text).join('\n');
    for (const part of ['"ciphertext":', 'UNAUTHORIZED', 'GATEWAY_NOT_FOUND']) expect(messages).toContain(part);
    expect(heard.events.filter(({ where }) => where.startsWith('GatewayCredentialRead in '))).toHaveLength(2);
  });

  it('in all tables, those that a rebuild has put aside included', () => {
    const tables = [...heard.tables, ...heard['tables of gateways']].map(({ where }) => where);
    const some = [
      'public.organizations',
      'public.projection_checkpoint',
      'public.projection_parked',
      'public.pgmigrations',
    ];
    expect(tables).toEqual(expect.arrayContaining([...some, 'public.gateways', 'registry_previous.gateways']));
  });
});

function startLoud(dataDir: string, keys: string, servers: Readonly<Record<string, string>> = {}): Promise<Service> {
  const environment = { LOG_LEVEL: 'trace', ENCRYPTION_KEYS: keys, ...credentialsEnvironment, ...servers };
  return startService({ dataDir, environment });
}

/** Every operation, as it wants to be asked and as it does not; and what no document tells of. */
async function askEverything(service: Service): Promise<void> {
  const asked = asking(service);
  for (const operation of await readOperations(asked, service)) {
    statuses.set(operation, await askProperly(asked, operation, password));
    await askWrongly(asked, operation, password);
  }
  await askForTaken(asked);
  for (const path of ['/', '/docs', '/docs/json', `/nowhere?password=${encodeURIComponent(password)}`]) {
    await asked.ask('GET', path);
  }
  heard.answers.push(...asked.heard);
}

/** A gateway whose password is changed, and all that is told of its past. Returns its id. */
async function askAfterChange(service: Service): Promise<string> {
  const asked = asking(service);
  const { gateways } = await createThings(asked, password);
  expect((await asked.ask('PUT', `/api/gateways/${gateways}`, { password: `${password} two` })).status).toBe(200);
  await askForPast(asked, gateways, 1);
  heard.answers.push(...asked.heard);
  return gateways;
}

/** A device id that somebody has, wanted by another gateway with the same and with another password. */
async function askForTaken(asked: Asking): Promise<void> {
  const { factories, gateways } = await createThings(asked, password);
  const taken = gatewayIn(factories, password);
  for (const again of [taken, taken, { ...taken, password: `${password} too` }]) {
    await asked.ask('POST', '/api/gateways', again, { 'idempotency-key': 'taken' });
  }
  await asked.ask('POST', '/api/gateways', taken);
  await asked.ask('PUT', `/api/gateways/${gateways}`, { gateway_id: taken.gateway_id, password });
  await asked.ask('PUT', `/api/gateways/${gateways}`, { password });
}

/** Events of gateways that the tables do not take: too long, and with a device id twice. Waits until they are parked. */
async function appendPoison({ dataDir, ask }: Service): Promise<void> {
  const log = connectEventStore({ url: urlOf(dataDir, 'event-store') });
  const { body: organization } = await ask('POST', '/api/organizations', { name: 'Acme' });
  const { body: factory } = await ask('POST', '/api/factories', {
    organization_id: organization.id,
    name: 'Poisonous',
  });
  const { body: gateway } = await ask('POST', '/api/gateways', {
    ...gatewayIn(factory.id, password),
    gateway_id: 'GW-X',
  });
  expect(gateway.id).toBeDefined();
  for (const fields of [{ name: 'n'.repeat(300) }, { gatewayId: DeviceId.parse('GW-X') }]) {
    const id = GatewayId.parse(uuidv7());
    const event = gatewayCreated({
      id,
      factoryId: FactoryId.parse(factory.id),
      organizationId: OrganizationId.parse(organization.id),
      gatewayId: DeviceId.parse(`device of ${id}`),
      reservationId: ReservationId.parse(uuidv7()),
      passwordEncrypted: encryption.seal(password, id),
      ...fields,
    });
    const commandId = uuidv7();
    const metadata = { $correlationId: commandId, $causationId: commandId, actor: 'poisoner', commandId };
    const stored = encode(uuidv7(), event, { ...metadata, occurredAt: new Date().toISOString() });
    await log.append(`gateway-${id}`, 'no_stream', [stored]);
  }
  await log.close();
  await ask('PUT', `/api/factories/${factory.id}`, { name: 'After them' }, { prefer: 'wait=30' });
}

/** Gives every gateway a password that is not its own, so that there are differences to be told. */
async function mixUp(dataDir: string): Promise<void> {
  await withClient(urlOf(dataDir, 'postgres'), (client) =>
    client.query(
      'UPDATE gateways SET name = upper(name), password_encrypted = (SELECT min(password_encrypted) FROM gateways)',
    ),
  );
}

/** Commands while the event store does not answer. */
async function askWhileAway(service: Service): Promise<void> {
  const asked = asking(service);
  const id = uuidv7();
  await asked.ask('POST', '/api/gateways', gatewayIn(id, password));
  await asked.ask('PUT', `/api/gateways/${id}`, { password });
  heard.answers.push(...asked.heard);
}
