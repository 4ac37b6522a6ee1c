import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { RequestStrategy } from 'nats';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Overheard, overhear } from '../../test/e2e/secrets-channels.ts';
import { findLeaks, formsOfSealed, formsOfWord } from '../../test/e2e/secrets-search.ts';
import { connectorKey, openAnswer } from '../../test/support/connector.ts';
import { eventually } from '../../test/support/eventually.ts';
import { anotherOrganization, now } from '../../test/support/examples.ts';
import { encodedKey } from '../../test/support/key-rings.ts';
import { type NatsClient, natsClient } from '../../test/support/nats-client.ts';
import { type NatsProcess, natsServers, startNatsProcess } from '../../test/support/nats-process.ts';
import { anId, type Registry, startRegistry } from '../../test/support/registry.ts';
import { type EventLog, EventLogUnavailable } from '../events/event-log.ts';
import { OrganizationId } from '../events/ids.ts';
import { createEncryption } from '../infrastructure/encryption.ts';
import { parseKeys } from '../infrastructure/key-ring.ts';
import type { Loop } from '../infrastructure/lifecycle.ts';
import { connectNats } from '../infrastructure/nats.ts';
import { encodePublicKey } from './keys.ts';
import type { CredentialAnswer } from './protocol.ts';
import { type CredentialServiceOptions, startCredentialService } from './service.ts';
import { signToken, thumbprintOf } from './token.ts';

const subject = 'mti.svc.v1.gateway.credentials';
const word = 'kQ7zX9wPbT';
const newWord = 'mV4cR8sLhY';
const clock = new Date(now);
const signer = generateKeyPairSync('ed25519');
const publicKey = createPublicKey(connectorKey);

let registry: Registry;
const organization = OrganizationId.parse(anId());
const factory = anId();

beforeAll(async () => {
  registry = await startRegistry();
  await registry.run('CreateOrganization', organization, { name: 'Acme' });
  await registry.run('CreateFactory', factory, { organization_id: organization, name: 'Berlin' });
});

afterAll(() => registry[Symbol.asyncDispose]());

describe.each(natsServers())('the credentials service, with %s,', (_, file) => {
  let nats: NatsProcess;
  let client: NatsClient;
  let overheard: Overheard;
  const listening = new AsyncDisposableStack();

  beforeAll(async () => {
    nats = await startNatsProcess(file);
    client = await natsClient(nats.url);
    overheard = listening.use(await overhear(nats.url));
  });

  afterAll(async () => {
    await listening.disposeAsync();
    await client[Symbol.asyncDispose]();
    await nats[Symbol.asyncDispose]();
  });

  it('tells the password that was set last, its version, and where it belongs', async () => {
    await using _service = await serving();
    const id = await aGateway();
    const { status, answer } = await ask({ id });
    expect(status).toBe('');
    expect(answer).toMatchObject({ id, credential_version: 0, url: 'ws://10.0.0.1', email: 'a@acme.example' });
    expect(openAnswer(connectorKey, answer)).toBe(word);

    await registry.run('UpdateGateway', id, { name: 'Hall 2' });
    expect((await ask({ id })).answer.credential_version).toBe(0);
    await registry.run('UpdateGateway', id, { password: newWord, url: 'ws://10.0.0.2' });
    const { answer: changed } = await ask({ id });
    expect(openAnswer(connectorKey, changed)).toBe(newWord);
    expect(changed.url).toBe('ws://10.0.0.2');
    expect(changed.credential_version).toBeGreaterThan(1);
    const set = (await registry.log.read(`gateway-${id}`)).find(({ type }) => type === 'GatewayPasswordChanged');
    expect(changed.credential_version).toBe(Number(set?.revision));
  });

  it('knows no password of a gateway that is deleted, until it is restored', async () => {
    await using _service = await serving();
    const id = await aGateway();
    await registry.run('SoftDeleteGateway', id);
    expect(await ask({ id })).toMatchObject({ status: '404', code: 'GATEWAY_NOT_FOUND' });
    await registry.run('RestoreGateway', id);
    expect(openAnswer(connectorKey, (await ask({ id })).answer)).toBe(word);
  });

  it('records each reading, and tells nothing before that is done', async () => {
    const gate = Promise.withResolvers<void>();
    const appending = vi.fn();
    await using _service = await serving({
      log: withAppend(async (...given) => {
        appending();
        await gate.promise;
        return registry.log.append(...given);
      }),
    });
    const id = await aGateway();
    const answered = vi.fn();
    const asked = ask({ id });
    void asked.then(answered);
    await eventually(() => expect(appending).toHaveBeenCalled());
    await client.connection.flush();
    expect(answered).not.toHaveBeenCalled();
    expect(await registry.typesIn(`credentialAudit-${id}`)).toEqual([]);
    gate.resolve();
    const { answer } = await asked;
    const [event] = await registry.log.read(`credentialAudit-${id}`);
    expect(event).toMatchObject({
      type: 'GatewayCredentialRead',
      data: {
        id,
        factoryId: factory,
        organizationId: organization,
        credentialVersion: 0,
        subject: 'orchestrator-1',
        keyThumbprint: await thumbprintOf(publicKey),
        requestId: answer.request_id,
      },
      metadata: { actor: 'orchestrator-1', $correlationId: answer.request_id, occurredAt: now },
    });
  });

  it('tells nothing when the reading cannot be recorded', async () => {
    await using _service = await serving({
      log: withAppend(() => Promise.reject(new EventLogUnavailable('away'))),
    });
    const { status, code, text } = await ask({ id: await aGateway() });
    expect([status, code]).toEqual(['503', 'SERVICE_UNAVAILABLE']);
    expect(text).not.toMatch(/ciphertext|epk/);
  });

  it('records readings that come at the same moment, each once', async () => {
    await using _service = await serving();
    const id = await aGateway();
    const answers = await Promise.all(Array.from({ length: 8 }, () => ask({ id })));
    const recorded = (await registry.log.read(`credentialAudit-${id}`)).map(({ data }) => data);
    const ids = answers.filter(({ status }) => status === '').map(({ answer }) => answer.request_id);
    expect(ids).toHaveLength(8);
    expect(recorded.map((data) => (data as { requestId: string }).requestId).toSorted()).toEqual(ids.toSorted());
  });

  it('is answered by one process where several serve', async () => {
    await using _one = await serving();
    await using _other = await serving();
    const id = await aGateway();
    for (let count = 1; count <= 6; count++) {
      await ask({ id });
      expect(await registry.typesIn(`credentialAudit-${id}`)).toHaveLength(count);
    }
    const pings = await manyAnswers('$SRV.PING.gateway-credentials', 2);
    expect(new Set(pings.map(({ id: instance }) => instance)).size).toBe(2);
  });

  it('does not tell whether there is a gateway that one has no right to', async () => {
    await using _service = await serving();
    const id = await aGateway();
    const elsewhere = await tokenFor({ organizations: [anotherOrganization] });
    const there = await ask({ id, token: elsewhere });
    const nowhere = await ask({ id: anId(), token: elsewhere });
    expect(there).toMatchObject({ status: '403', code: 'FORBIDDEN' });
    expect(nowhere.text).toBe(there.text);
    await registry.run('SoftDeleteGateway', id);
    expect((await ask({ id, token: elsewhere })).text).toBe(there.text);

    const everywhere = await tokenFor({ organizations: '*' });
    expect(await ask({ id: anId(), token: everywhere })).toMatchObject({ status: '404', code: 'GATEWAY_NOT_FOUND' });
    expect(await registry.typesIn(`credentialAudit-${id}`)).toEqual([]);
  });

  it('does not tell whether there is a gateway that cannot be read, but to who may read all, and to its log', async () => {
    const lines: string[] = [];
    const id = await aGateway();
    const damaged = vi.fn(async (stream: string, ...range: [bigint?, bigint?]) => {
      const events = await registry.log.read(stream, ...range);
      return events.map((event) => ({ ...event, data: { name: 'of nothing' } }));
    });
    await using _service = await serving({
      log: { ...registry.log, read: damaged },
      logger: pino({ level: 'warn' }, { write: (line: string) => void lines.push(line) }),
    });
    const nowhere = await ask({ id: anId(), token: await tokenFor({ organizations: [anotherOrganization] }) });
    expect(nowhere.code).toBe('FORBIDDEN');
    for (const organizations of [[anotherOrganization], [organization]]) {
      expect((await ask({ id, token: await tokenFor({ organizations }) })).text).toBe(nowhere.text);
    }
    expect(await ask({ id, token: await tokenFor({ organizations: '*' }) })).toMatchObject({ code: 'INTERNAL_ERROR' });
    const errors = lines.map((line) => JSON.parse(line)).filter(({ level }) => level === 50);
    expect(errors.map(({ code, gateway }) => [code, gateway])).toEqual([
      ['FORBIDDEN', id],
      ['FORBIDDEN', id],
      ['INTERNAL_ERROR', id],
    ]);
    expect(errors.every(({ err }) => err.stack.includes(`gateway-${id}`))).toBe(true);
    expect(await registry.typesIn(`credentialAudit-${id}`)).toEqual([]);
  });

  it('refuses who has no right, without a reading', async () => {
    await using _service = await serving();
    const id = await aGateway();
    const past = new Date(clock.getTime() - 86_500_000);
    const stranger = generateKeyPairSync('ed25519').privateKey;
    const other = generateKeyPairSync('x25519').publicKey;
    const tokens = {
      expired: await tokenFor({}, { now: past }),
      'not right': await tokenFor({}, { signer: { id: 'a', key: stranger } }),
      'another public key': await tokenFor({}, { thumbprint: await thumbprintOf(other) }),
      'not one of this service': `${word}.${word}.${word}`,
    };
    for (const [reason, token] of Object.entries(tokens)) {
      const refused = await ask({ id, token });
      expect(refused).toMatchObject({ status: '401', code: 'UNAUTHORIZED', message: expect.stringContaining(reason) });
    }
    // A token that was overheard, with a key of one's own.
    expect(await ask({ id, public_key: encodePublicKey(other) })).toMatchObject({ code: 'UNAUTHORIZED' });
    expect(await registry.typesIn(`credentialAudit-${id}`)).toEqual([]);
  });

  it('says what is wrong with a request, and repeats nothing of it', async () => {
    await using _service = await serving();
    for (const body of ['', '{', 'null', '[]', `"${word}"`, `{"password":"${word}"}`, 'x'.repeat(17_000)]) {
      const refused = await send(body);
      expect(refused).toMatchObject({ status: '400', code: 'VALIDATION_ERROR' });
      expect(refused.text).not.toContain(word);
    }
    const id = await aGateway();
    const fields = {
      request_id: word,
      requested_at: '2026-01-02',
      id: id.toUpperCase(),
      public_key: Buffer.alloc(32).toString('base64url'),
      token: '',
    };
    for (const [name, value] of Object.entries(fields)) {
      const { text } = await ask({ id, [name]: value });
      expect(JSON.parse(text).error.details).toEqual([{ path: name, message: expect.any(String) }]);
    }
  });

  it('answers a request once, and only while it is new', async () => {
    await using _service = await serving();
    const id = await aGateway();
    const request_id = crypto.randomUUID();
    expect(await ask({ id, request_id })).toMatchObject({ status: '' });
    expect(await ask({ id, request_id })).toMatchObject({ status: '409', code: 'REQUEST_REPEATED' });
    for (const minutes of [-3, 3]) {
      const requested_at = new Date(clock.getTime() + minutes * 60_000).toISOString();
      expect(await ask({ id, requested_at })).toMatchObject({ status: '400', code: 'VALIDATION_ERROR' });
    }
    expect(await registry.typesIn(`credentialAudit-${id}`)).toHaveLength(1);
  });

  it('answers so often for one gateway, and so often by one subject', async () => {
    await using _service = await serving({ rates: { perSubject: 4, perGateway: 2 } });
    const [id, another] = [await aGateway(), await aGateway()];
    const codes: string[] = [];
    for (const gateway of [id, id, id, another, another]) codes.push((await ask({ id: gateway })).code);
    expect(codes).toEqual(['', '', 'TOO_MANY_REQUESTS', '', 'TOO_MANY_REQUESTS']);
    const refused = await ask({ id: another });
    expect(refused).toMatchObject({ status: '429', retryAfter: '15', message: expect.stringContaining('subject') });
    const token = await tokenFor({ subject: 'orchestrator-2' });
    expect(await ask({ id: another, token })).toMatchObject({ status: '' });
    expect(await ask({ id, token })).toMatchObject({ status: '429', retryAfter: '30' });
  });

  it('goes on answering when the clock was put forward and back', async () => {
    let [day, steady] = [new Date(now), 0];
    await using _service = await serving({
      rates: { perSubject: 1_000, perGateway: 1 },
      now: () => day,
      steady: () => steady,
    });
    const id = await aGateway();
    day = new Date(clock.getTime() + 3_600_000);
    expect(await ask({ id, requested_at: day.toISOString() })).toMatchObject({ status: '' });
    [day, steady] = [clock, 60_000];
    expect(await ask({ id })).toMatchObject({ status: '' });
  });

  it('names a key that is missing in its log, and to nobody else', async () => {
    const other = createEncryption(parseKeys(`other:${encodedKey(0xb2)}`));
    const lines: string[] = [];
    const logger = pino({ level: 'trace' }, { write: (line: string) => lines.push(line) });
    await using _service = await serving({ openPassword: other.open, logger });
    const id = await aGateway();
    const { status, code, text } = await ask({ id });
    expect([status, code]).toEqual(['500', 'INTERNAL_ERROR']);
    expect(text).not.toContain(registry.encryption.primaryKeyId);
    expect(lines.join('')).toContain(`sealed with key ${registry.encryption.primaryKeyId}, which is not here`);
    expect(await registry.typesIn(`credentialAudit-${id}`)).toEqual([]);
  });

  it('tells its log who was refused, without their token and not without end', async () => {
    const lines: string[] = [];
    const logger = pino({ level: 'info' }, { write: (line: string) => lines.push(line) });
    await using _service = await serving({ logger, rates: { perSubject: 1_000, perGateway: 1_000 } });
    const token = await tokenFor({ organizations: [anotherOrganization] });
    const id = await aGateway();
    for (let count = 0; count < 50; count++) await ask({ id, token });
    const told = lines.filter((line) => line.includes('refused'));
    expect(told).toHaveLength(20);
    expect(JSON.parse(told[0] ?? '')).toMatchObject({ subject: 'orchestrator-1', gateway: id, code: 'FORBIDDEN' });
    expect(lines.join('')).not.toContain(token.split('.').at(-1));
  });

  it('is found by tools for NATS services', async () => {
    await using _service = await serving();
    await ask({ id: await aGateway() });
    await send('');
    const [ping] = await manyAnswers('$SRV.PING', 1);
    expect(ping).toMatchObject({
      type: 'io.nats.micro.v1.ping_response',
      name: 'gateway-credentials',
      version: '1.2.3',
    });
    const [info] = await manyAnswers('$SRV.INFO.gateway-credentials', 1);
    expect(info).toMatchObject({
      type: 'io.nats.micro.v1.info_response',
      description: expect.stringContaining('sealed'),
      endpoints: [{ name: 'credentials', subject, queue_group: 'q' }],
    });
    const [stats] = await manyAnswers(`$SRV.STATS.gateway-credentials.${ping?.id}`, 1);
    expect(stats).toMatchObject({ endpoints: [{ num_requests: 2, data: { errors: { 400: 1 } } }] });
  });

  it('sends no answer to where events are, nor to NATS itself', async () => {
    await using _service = await serving();
    const heard: string[] = [];
    const listening = client.connection.subscribe('>', { callback: (__, message) => heard.push(message.subject) });
    const id = await aGateway();
    const request = JSON.stringify(await aRequest({ id }));
    for (const reply of ['mti.evt.v1.x', '$JS.API.STREAM.DELETE.MTI_EVENTS', '$KV.gateways.x']) {
      client.connection.publish(subject, request, { reply });
      for (const verb of ['PING', 'INFO', 'STATS']) client.connection.publish(`$SRV.${verb}`, '', { reply });
    }
    client.connection.publish(subject, request);
    await ask({ id });
    listening.unsubscribe();
    const asked = heard.filter((name) => name === subject || name.startsWith('$SRV.'));
    expect(asked).toHaveLength(3 * 4 + 2);
    expect(heard.filter((name) => !asked.includes(name) && !name.startsWith('_INBOX.'))).toEqual([]);
    expect(await registry.typesIn(`credentialAudit-${id}`)).toHaveLength(1);
  });

  it('tells who comes while very many are being answered to come again', async () => {
    const gate = Promise.withResolvers<void>();
    const reading = vi.fn();
    const read: EventLog['read'] = async (...given) => {
      reading();
      await gate.promise;
      return registry.log.read(...given);
    };
    await using _service = await serving({ log: { ...registry.log, read } });
    const token = await tokenFor({ organizations: '*' });
    const waiting = Array.from({ length: 64 }, () => ask({ id: anId(), token }));
    await eventually(() => expect(reading).toHaveBeenCalledTimes(64));
    expect(await ask({ id: anId(), token })).toMatchObject({ status: '503', retryAfter: '1' });
    gate.resolve();
    expect(new Set((await Promise.all(waiting)).map(({ status }) => status))).toEqual(new Set(['404']));
    expect(await ask({ id: anId(), token })).toMatchObject({ status: '404' });
  });

  it('says that nobody can ask while NATS is frozen or away, and answers again afterwards, once', async () => {
    await using service = await serving();
    const id = await aGateway();
    nats.freeze();
    await eventually(() => expect(service.health().status).toBe('failing'));
    nats.thaw();
    await eventually(() => expect(service.health().status).toBe('running'));
    await nats.kill();
    await eventually(() => expect(service.health().status).toBe('failing'));
    await nats.start();
    await eventually(() => expect(service.health().status).toBe('running'));
    await eventually(async () => expect(await ask({ id }, 500)).toMatchObject({ status: '' }));
    expect(await manyAnswers('$SRV.PING.gateway-credentials', 2)).toHaveLength(1);
  }, 40_000);

  it('has put no password on the bus, encrypted or not', async () => {
    expect(overheard.said.filter(({ text }) => text.includes('ciphertext')).length).toBeGreaterThan(5);
    // Who listens to everything is a responder in the eyes of NATS.
    await listening.disposeAsync();
    const sealed: string[] = [];
    const options = { streamPrefixes: ['gateway-'], after: 'start', signal: new AbortController().signal } as const;
    for await (const events of registry.log.readAll(options)) {
      for (const { data } of events) {
        if (typeof data === 'object' && data !== null && 'passwordEncrypted' in data) {
          sealed.push(String(data.passwordEncrypted));
        }
      }
    }
    expect(sealed.length).toBeGreaterThan(5);
    const answers = overheard.said.filter(({ text }) => !text.startsWith(subject));
    const needles = [...formsOfWord(word), ...formsOfWord(newWord), ...sealed.flatMap(formsOfSealed)];
    expect(findLeaks(answers, needles)).toEqual([]);
  });

  it('finishes what it has begun when it is told to end', async () => {
    const gate = Promise.withResolvers<void>();
    const appending = vi.fn();
    const service = await serving({
      log: withAppend(async (...given) => {
        appending();
        await gate.promise;
        return registry.log.append(...given);
      }),
    });
    const id = await aGateway();
    const asked = ask({ id });
    await eventually(() => expect(appending).toHaveBeenCalled());
    const ended = service[Symbol.asyncDispose]();
    await eventually(() => expect(ask({ id }, 50)).rejects.toMatchObject({ code: '503' }));
    gate.resolve();
    expect(openAnswer(connectorKey, (await asked).answer)).toBe(word);
    await ended;
  });

  it('ends when it is told to, and then nobody answers', async () => {
    const service = await serving();
    await service[Symbol.asyncDispose]();
    await expect(ask({ id: await aGateway() })).rejects.toMatchObject({ code: '503' });
    expect(await manyAnswers('$SRV.PING', 1).catch(() => [])).toEqual([]);
  });

  async function serving(changes: Partial<CredentialServiceOptions> = {}): Promise<Loop & AsyncDisposable> {
    const logger = pino({ level: 'silent' });
    const bus = connectNats({ url: nats.url, name: 'credentials-spec', logger });
    const loop = startCredentialService({
      log: registry.log,
      bus,
      openPassword: registry.encryption.open,
      verifyingKeys: [{ id: 'a', key: signer.publicKey }],
      rates: { perSubject: 1_000, perGateway: 1_000 },
      version: '1.2.3',
      now: () => clock,
      steady: () => 0,
      logger,
      ...changes,
    });
    await eventually(() => expect(loop.health().status).toBe('running'));
    return {
      ...loop,
      async [Symbol.asyncDispose]() {
        await loop.stop();
        await bus.close();
      },
    };
  }

  async function ask(changes: Readonly<Record<string, string>>, timeout?: number) {
    return send(JSON.stringify(await aRequest(changes)), timeout);
  }

  async function send(body: string, timeout = 5_000) {
    const message = await client.connection.request(subject, body, { timeout });
    const text = message.string();
    const parsed = JSON.parse(text) as CredentialAnswer & { error?: { code: string; message: string } };
    const header = (name: string) => message.headers?.get(name) ?? '';
    return {
      /** As the headers have it: empty when it is no error. */
      status: header('Nats-Service-Error-Code'),
      message: header('Nats-Service-Error'),
      retryAfter: header('Retry-After'),
      code: parsed.error?.code ?? '',
      answer: parsed,
      text,
    };
  }

  async function manyAnswers(to: string, count: number): Promise<readonly { readonly id: string }[]> {
    const answers: { readonly id: string }[] = [];
    for await (const message of await client.connection.requestMany(to, '', {
      strategy: RequestStrategy.Count,
      maxWait: 2_000,
      maxMessages: count,
    })) {
      answers.push(message.json());
    }
    return answers;
  }
});

async function aGateway(): Promise<string> {
  const id = anId();
  const fields = { name: 'Hall 1', url: 'ws://10.0.0.1', email: 'a@acme.example' };
  const body = { factory_id: factory, gateway_id: `GW ${id}`, ...fields, password: word };
  const { outcome } = (await registry.run('CreateGateway', id, body)) as { readonly outcome?: string };
  expect(outcome).not.toBe('rejected');
  return id;
}

async function aRequest(changes: Readonly<Record<string, string>>) {
  return {
    request_id: crypto.randomUUID(),
    requested_at: now,
    public_key: encodePublicKey(publicKey),
    token: changes.token ?? (await tokenFor({})),
    ...changes,
  };
}

async function tokenFor(
  right: Partial<Parameters<typeof signToken>[0]['right']>,
  changes: Partial<Parameters<typeof signToken>[0]> = {},
): Promise<string> {
  return signToken({
    signer: { id: 'a', key: signer.privateKey },
    right: { subject: 'orchestrator-1', organizations: [organization], ...right },
    thumbprint: await thumbprintOf(publicKey),
    now: clock,
    days: 1,
    ...changes,
  });
}

function withAppend(append: EventLog['append']): EventLog {
  return { ...registry.log, append };
}
