import { createRequire } from 'node:module';
import { createConfig, lintFromString } from '@redocly/openapi-core';
import { Ajv, type AnySchema, type Options, type ValidateFunction } from 'ajv';
import addFormats from 'ajv-formats';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { definitions } from '../src/events/catalogue.ts';
import type { Recorded } from '../src/events/codec.ts';
import { isPublished } from '../src/publishing/contract.ts';
import { toMessage } from '../src/publishing/message.ts';
import { openPipe } from '../src/publishing/pipe.ts';
import { memoryStream } from '../test/support/memory-stream.ts';
import { type AsyncApiDocument, type AsyncApiMessage, asyncApiText } from './asyncapi.ts';
import { goldenEvent } from './golden.ts';

const text = asyncApiText('1.2.3');
const document: AsyncApiDocument = parse(text);
const messages = Object.entries(document.components.messages);
const specification = createRequire(import.meta.url)('@asyncapi/specs/schemas/3.0.0.json') as AnySchema;
const published = [...definitions.keys()].filter(isPublished);

describe('docs/asyncapi.yaml', () => {
  it('is AsyncAPI 3.0 by the schema of the specification', () => {
    expect(faultsOf(text)).toEqual([]);
  });

  it('is read by a parser, which finds all that is referred to', async () => {
    expect(await problemsOf(text)).toEqual([]);
  });

  it.each([
    ['a keyword that AsyncAPI does not know', 'address:', 'adress:'],
    ['an action that there is not', 'action: send', 'action: publish'],
    ['a binding of NATS that there is not', 'queue: q', 'group: q'],
    ['a schema that is none', 'type: string', 'type: text'],
  ])('would not pass with %s', (_, sound, broken) => {
    expect(text).toContain(sound);
    expect(faultsOf(text.replaceAll(sound, broken))).not.toEqual([]);
  });

  it('would not pass with a reference that leads nowhere', async () => {
    const broken = text.replaceAll('schemas/GatewayMoved"', 'schemas/GatewayMuved"');
    expect(await problemsOf(broken)).toContain('no-unresolved-refs');
  });

  it.each(published)('says where %s is published, and that the registry sends it', (type) => {
    const message = toMessage(goldenEvent(type));
    const [name, channel] = channelWith(type);
    expect(message?.subject).toMatch(patternOf(channel.address));
    expect(document.operations[`publish${type}`]).toMatchObject({
      action: 'send',
      channel: { $ref: `#/channels/${name}` },
      messages: [{ $ref: `#/channels/${name}/messages/${type}` }],
    });
    expect(document.components.messages[type]?.examples).toEqual([
      { headers: message?.headers, payload: JSON.parse(message?.body ?? '') },
    ]);
  });

  it('has no other channels than those of the events, the bucket, the heartbeats and the service', () => {
    const addresses = Object.values(document.channels).map(({ address }) => address);
    expect(new Set(addresses).size).toBe(addresses.length);
    expect(addresses.slice(published.length)).toEqual([
      'mti.evt.v1.{organization}.{factory}.{kind}.{id}.event-parked',
      '$KV.gateways.{organization}.{factory}.{gateway}',
      'mti.hb.v1.{organization}.{gateway}',
      'mti.svc.v1.gateway.credentials',
      undefined,
    ]);
  });

  it('names the parameters of each address, and no others', () => {
    for (const { address = '', parameters = {} } of Object.values(document.channels)) {
      const named = new Set([...address.matchAll(/{(\w+)}/g)].map(([, name]) => name));
      expect(new Set(Object.keys(parameters))).toEqual(named);
    }
  });

  it.each(messages)('has examples of %s that are what its schemas say', (name, { headers, payload, examples }) => {
    expect(examples.length).toBeGreaterThan(0);
    for (const example of examples) {
      expect(faultsIn(name, 'headers', example.headers ?? {})).toEqual([]);
      expect(example.payload === undefined).toBe(payload === undefined);
      if (payload !== undefined) expect(faultsIn(name, 'payload', example.payload ?? {})).toEqual([]);
      expect(Object.keys(example.headers ?? {}).filter((header) => !fieldsOf(headers).has(header))).toEqual([]);
      expect(Object.keys(example.payload ?? {}).filter((field) => !fieldsOf(payload).has(field))).toEqual([]);
    }
  });

  it('would find an example that is not of its schema', () => {
    const { headers: sound, body } = toMessage(goldenEvent('GatewayCreated')) ?? {};
    const incomplete = { ...JSON.parse(body ?? ''), gateway_id: undefined };
    expect(faultsIn('GatewayCreated', 'payload', incomplete)).not.toEqual([]);
    const headers = { ...sound, 'ce-type': 'mti.evt.v1.gateway-moved' };
    expect(faultsIn('GatewayCreated', 'headers', headers)).not.toEqual([]);
  });

  it('knows the headers that few events have', () => {
    const event = goldenEvent('GatewayMoved') as Recorded<Extract<Recorded, { type: 'GatewayMoved' }>>;
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    const metadata = { ...event.metadata, traceparent };
    const { headers = {} } = toMessage({ ...event, metadata, position: { commit: 12n, prepare: 10n } }) ?? {};
    expect(Object.keys(headers)).toEqual(expect.arrayContaining(['traceparent', 'registry-prepare-position']));
    expect(faultsIn('GatewayMoved', 'headers', headers)).toEqual([]);
    const known = fieldsOf(document.components.messages.GatewayMoved?.headers);
    expect(Object.keys(headers).filter((header) => !known.has(header))).toEqual([]);
  });

  it.each(['GatewayMoved', 'EventParked', 'GatewayStatePut', 'GatewayStatePurged', 'GatewayStateParked'])(
    'knows what NATS is asked with each message: %s',
    async (name) => {
      const stream = memoryStream({ answers: false });
      const { signal } = new AbortController();
      const pipe = openPipe(stream, { after: 10, window: 2, patience: 1_000, signal });
      for (const id of ['a', 'b']) await pipe.send({ subject: 'a', headers: { 'Nats-Msg-Id': id }, body: '' });
      pipe.close();
      const [, second] = stream.sent;
      const known = fieldsOf(document.components.messages[name]?.headers);
      expect(Object.keys(second?.message.headers ?? {})).toHaveLength(3);
      expect(Object.keys(second?.message.headers ?? {}).filter((header) => !known.has(header))).toEqual([]);
    },
  );

  it('has no field for a password, nor anything that looks like one', () => {
    const fields = new Set(fieldNamesIn([document.components.schemas, document.components.messages]));
    expect(fields).toContain('credential_version');
    const names = new Set(messages.map(([name]) => name));
    expect([...fields].filter((name) => /password|secret/i.test(name) && !names.has(name))).toEqual([]);
    expect(text).not.toMatch(/passwordEncrypted|example-key|ciphertext-/);
  });
});

/** What the schema of the specification has against a document. */
function faultsOf(source: string): readonly string[] {
  // It has JSON Schema's own schema in it: with that of the validator there would be two.
  const validate = validator({ meta: false, validateSchema: false }).compile(specification);
  validate(parse(source));
  return faultsTold(validate);
}

/** What is wrong with a part of a message. */
function faultsIn(message: string, part: 'headers' | 'payload', value: object): readonly string[] {
  if (document.components.messages[message]?.[part] === undefined) return Object.keys(value);
  const validate = validator()
    .addSchema(document, 'asyncapi.yaml')
    .compile({ $ref: `asyncapi.yaml#/components/messages/${message}/${part}` });
  validate(value);
  return faultsTold(validate);
}

function validator(options: Options = {}): Ajv {
  const ajv = new Ajv({ strict: false, allErrors: true, ...options });
  addFormats.default(ajv);
  return ajv;
}

function faultsTold({ errors }: ValidateFunction): readonly string[] {
  return (errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
}

async function problemsOf(source: string): Promise<readonly string[]> {
  // This is not for everybody to use, and who may connect is a matter of the NATS server.
  const rules = { 'info-license': 'off', 'security-defined': 'off' } as const;
  const config = await createConfig({ extends: ['recommended-strict'], rules });
  const problems = await lintFromString({ source, absoluteRef: '/asyncapi.yaml', config });
  return problems.map(({ ruleId }) => ruleId);
}

/** The one channel with a message. */
function channelWith(message: string) {
  const found = Object.entries(document.channels).filter(([, channel]) => Object.hasOwn(channel.messages, message));
  const [channel, ...more] = found;
  if (channel === undefined || more.length > 0) throw new Error(`${message} is on ${found.length} channels`);
  return channel;
}

function patternOf(address = ''): RegExp {
  return new RegExp(`^${address.replaceAll('.', '\\.').replaceAll(/{\w+}/g, '[0-9a-f-]{36}')}$`);
}

/** The fields that a schema names, with those of the schemas that it is made of. */
function fieldsOf(schema: AsyncApiMessage['payload']): ReadonlySet<string> {
  if (schema === undefined) return new Set();
  const { $ref, allOf = [], properties = {} } = schema;
  const referred = $ref === undefined ? [] : [document.components.schemas[$ref.split('/').at(-1) ?? '']];
  const others = [...referred, ...allOf] as AsyncApiMessage['payload'][];
  return new Set([...Object.keys(properties), ...others.flatMap((other) => [...fieldsOf(other)])]);
}

/** The name of each field in a value, however deep. */
function fieldNamesIn(value: unknown): readonly string[] {
  if (typeof value !== 'object' || value === null) return [];
  const names = Array.isArray(value) ? [] : Object.keys(value);
  return [...names, ...Object.values(value).flatMap(fieldNamesIn)];
}
