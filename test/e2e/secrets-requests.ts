// Every operation of the OpenAPI document, asked as it wants to be and in all the ways in which a password may stand where it
// does not belong.
import { expect } from 'vitest';
import type { Said } from './secrets-search.ts';
import type { Service } from './service.ts';

/** An operation of the document, as far as one needs to know it to ask for it. */
export interface Operation {
  readonly method: string;
  /** With `{id}` in it. */
  readonly path: string;
  readonly query: readonly Parameter[];
  /** A body that it takes. */
  readonly example: Fields | undefined;
}

interface Parameter {
  readonly name: string;
  readonly schema: {
    readonly format?: string;
    readonly enum?: readonly string[];
    readonly examples?: readonly string[];
  };
}

type Fields = Readonly<Record<string, unknown>>;

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, DocumentedOperation>>>>;
}

interface DocumentedOperation {
  readonly parameters?: readonly (Parameter & { readonly in: string })[];
  readonly requestBody?: { readonly content: { readonly 'application/json': { readonly example: Fields } } };
}

/** Asks, and keeps what is answered. */
export interface Asking {
  /** Every body and every header that was answered. */
  readonly heard: readonly Said[];
  ask(method: string, path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<Answered>;
}

interface Answered {
  readonly status: number;
  readonly body: { readonly id?: string };
}

/** @param asked the answers to it are kept */
export function asking({ url }: Service): Asking {
  const heard: Said[] = [];
  return {
    heard,
    async ask(method, path, body, headers = {}) {
      const json = body !== undefined && { 'content-type': 'application/json' };
      const response = await fetch(`${url}${path}`, {
        method,
        headers: { ...json, ...headers },
        redirect: 'manual',
        ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      });
      const { status } = response;
      const text = await response.text();
      const isJson = response.headers.get('content-type')?.startsWith('application/json') && text !== '';
      // Not the question: what one says oneself is no secret that is told.
      const where = `answer ${heard.length}: ${status} to ${method} ${path.split('?')[0]}`;
      heard.push({ where, text: `${JSON.stringify([...response.headers])}\n${text}` });
      return { status, body: isJson ? JSON.parse(text) : {} };
    },
  };
}

export async function readOperations({ ask }: Asking, service: Service): Promise<readonly Operation[]> {
  expect((await ask('GET', '/api/openapi.json')).status).toBe(200);
  const document = (await (await fetch(`${service.url}/api/openapi.json`)).json()) as Document;
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { parameters = [], requestBody }]) => ({
      method: method.toUpperCase(),
      path,
      query: parameters.filter((parameter) => parameter.in === 'query'),
      example: requestBody?.content['application/json'].example,
    })),
  );
}

interface Things {
  readonly organizations: string;
  readonly factories: string;
  readonly gateways: string;
  /** A factory that a gateway may be moved to. */
  readonly otherFactory: string;
}

let devices = 0;

/** An organization with two factories and a gateway, whose password is the given one. */
export async function createThings({ ask }: Asking, password: string): Promise<Things> {
  const create = async (path: string, body: object): Promise<string> => {
    const { status, body: created } = await ask('POST', path, body);
    expect(status).toBe(201);
    return created.id ?? '';
  };
  const organizations = await create('/api/organizations', { name: 'Acme' });
  const factories = await create('/api/factories', { organization_id: organizations, name: 'Berlin' });
  const otherFactory = await create('/api/factories', { organization_id: organizations, name: 'Hamburg' });
  const gateways = await create('/api/gateways', gatewayIn(factories, password));
  return { organizations, factories, otherFactory, gateways };
}

export function gatewayIn(factory_id: string, password: string) {
  devices += 1;
  const fields = { name: 'Hall 1', url: 'wss://10.0.0.1/ws', email: 'admin@acme.example' };
  return { factory_id, gateway_id: `GW-${devices}`, ...fields, password };
}

/**
 * Asks for what an operation does, so that it does it.
 *
 * @returns the status; an operation that this does not know how to ask for gives none of success
 */
export async function askProperly(asked: Asking, operation: Operation, password: string): Promise<number> {
  const things = await createThings(asked, password);
  const path = pathOf(operation, things);
  if (path.endsWith('/restore')) await asked.ask('DELETE', path.replace(/\/restore$/, ''));
  const headers = operation.method === 'GET' ? {} : { 'idempotency-key': `${operation.method} ${path}` };
  const body = operation.example && fill(operation.example, things, password);
  const { status } = await asked.ask(operation.method, path, body, headers);
  // The same once more is recognized by what its events tell of the key and the body.
  if (operation.method !== 'GET') await asked.ask(operation.method, path, body, headers);
  for (const parameter of operation.query) {
    const value = encodeURIComponent(valueFor(parameter, things));
    await asked.ask(operation.method, `${path}?${parameter.name}=${value}`, body);
  }
  return status;
}

/** Asks in ways that are refused, most of them, with a password in each. */
export async function askWrongly(asked: Asking, operation: Operation, password: string): Promise<void> {
  const { method } = operation;
  const things = await createThings(asked, password);
  const path = pathOf(operation, things);
  const basic = Buffer.from(`admin:${password}`).toString('base64');
  const encoded = encodeURIComponent(password);
  await asked.ask(
    method,
    `${path}?password=${encoded}`,
    operation.example && fill(operation.example, things, password),
  );
  await asked.ask('PATCH', `${path}?password=${encoded}`, { password });
  await asked.ask(method, path, undefined, { authorization: `Basic ${basic}`, cookie: `session=${encoded}` });
  if (method === 'GET') {
    for (const { name } of operation.query) await asked.ask(method, `${path}?${name}=${encoded}`);
    return;
  }
  const right = fill(operation.example ?? {}, things, password);
  const wrong: readonly unknown[] = [
    { ...right, password: password.repeat(60) },
    { ...right, password: { value: password } },
    { ...right, password: [password] },
    { ...right, passwort: password },
    { ...right, name: { first: password } },
    { ...right, gateway_id: [password], factory_id: password, organization_id: password },
    { ...right, url: `ws://admin:${encoded}@10.0.0.1`, email: password, metadata: password },
    { ...right, url: password, timezone: password },
    { ...right, name: `${password}\0` },
    [password],
    JSON.stringify(password),
    `{"password":${JSON.stringify(password)},`,
    `{"password":"${password}`,
    password,
    `${JSON.stringify({ ...right, password })}${' '.repeat(1024 * 1024)}`,
  ];
  for (const body of wrong) await asked.ask(method, path, body);
  await asked.ask(method, path, JSON.stringify(right), { 'content-type': 'text/plain' });
  await asked.ask(method, path, `password=${encoded}`, { 'content-type': 'application/x-www-form-urlencoded' });
  await asked.ask(method, path, right, { 'if-match': '"7000"' });
  await asked.ask(method, path, right, { 'if-match': password.replaceAll(/[^\x20-\x7e]/g, '') });
  await asked.ask(method, path.replace(things.gateways, 'no-such-gateway'), right);
}

/** Asks what has become of a gateway, and what it was at each revision up to one, and for what need not be sent again. */
export async function askForPast({ ask }: Asking, gateway: string, upTo: number): Promise<void> {
  const path = `/api/gateways/${gateway}`;
  const revisions = Array.from({ length: upTo + 1 }, (_, revision) => `revision=${revision}`);
  const pasts = [...revisions, `as_of=${new Date().toISOString()}`].map((query) => `${path}?${query}`);
  for (const url of [`${path}/history`, `${path}/history?limit=1&before=${upTo}`, path, ...pasts]) {
    await ask('GET', url);
  }
  for (const url of [path, ...pasts]) {
    expect((await ask('GET', url, undefined, { 'if-none-match': '*' })).status).toBe(304);
  }
}

function pathOf({ path }: Operation, things: Things): string {
  const [, , category = ''] = path.split('/');
  return path.replace('{id}', () => idOf(category, things));
}

function idOf(category: string, things: Things): string {
  if (category === 'organizations' || category === 'factories' || category === 'gateways') return things[category];
  throw new Error(`there is nothing of the kind ${category}: say how to make one`);
}

/** The example, about what is there. */
function fill(example: Fields, things: Things, password: string): Fields {
  const isMove = Object.keys(example).join() === 'factory_id';
  devices += 1;
  const known: Fields = {
    organization_id: things.organizations,
    factory_id: isMove ? things.otherFactory : things.factories,
    gateway_id: `GW-${devices}`,
    password,
  };
  return Object.fromEntries(Object.entries(example).map(([name, value]) => [name, known[name] ?? value]));
}

function valueFor({ name, schema }: Parameter, things: Things): string {
  if (name === 'organization_id') return things.organizations;
  if (name === 'factory_id') return things.factories;
  if (schema.format === 'date-time') return new Date().toISOString();
  return schema.examples?.[0] ?? schema.enum?.[0] ?? '1';
}
