import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { encodedKey } from '../test/support/key-rings.ts';
import { ConfigError, readConfig, variableNames } from './config.ts';
import { newSigningKey } from './credentials/keygen.ts';
import { parseKey, parseKeys } from './infrastructure/key-ring.ts';

const aKey = encodedKey(0xa1);
const anotherKey = encodedKey(0xb2);

const defaults = {
  host: '127.0.0.1',
  port: 3000,
  eventStoreUrl: undefined,
  databaseUrl: undefined,
  natsUrl: undefined,
  natsStreamMaxBytes: undefined,
  databasePool: { min: 0, max: 10 },
  dataDir: '.data',
  encryptionKeys: [],
  credentials: undefined,
  corsOrigins: [],
  logLevel: 'info',
  logFormat: 'pretty',
  environment: 'development',
};

describe('the configuration', () => {
  it('has defaults for everything', () => {
    expect(readConfig({})).toEqual(defaults);
  });

  it('takes a variable that is empty for one that is not set', () => {
    const empty = Object.fromEntries(
      [
        ...['HOST', 'PORT', 'EVENTSTORE_URL', 'DATABASE_URL', 'DATABASE_HOST', 'DATABASE_PORT', 'DATABASE_NAME'],
        ...['DATABASE_USER', 'DATABASE_PASSWORD', 'DATABASE_POOL_MIN', 'DATABASE_POOL_MAX', 'NATS_URL'],
        ...[
          'NATS_STREAM_MAX_BYTES',
          'DATA_DIR',
          'ENCRYPTION_KEYS',
          'ENCRYPTION_KEY',
          'CREDENTIALS_PUBLIC_KEYS',
          'CREDENTIALS_SUBJECT_RATE',
          'CREDENTIALS_GATEWAY_RATE',
          'CORS_ORIGINS',
          'LOG_LEVEL',
          'NODE_ENV',
        ],
      ].map((name) => [name, '']),
    );
    expect(readConfig(empty)).toEqual(defaults);
  });

  it('is what the variables say', () => {
    expect(
      readConfig({
        HOST: '::',
        PORT: '0',
        EVENTSTORE_URL: 'esdb+discover://one:2113,two:2113?tls=true',
        DATABASE_URL: 'postgresql://me:secret@db.example/registry?sslmode=require',
        NATS_URL: 'tls://one,two',
        NATS_STREAM_MAX_BYTES: '1073741824',
        DATA_DIR: '/var/lib/registry',
        DATABASE_POOL_MIN: '2',
        DATABASE_POOL_MAX: '20',
        ENCRYPTION_KEYS: `new:${anotherKey}, old:${aKey}`,
        ENCRYPTION_KEY: aKey,
        CORS_ORIGINS: 'https://app.example, http://localhost:5173',
        LOG_LEVEL: 'debug',
        NODE_ENV: 'production',
        UNKNOWN: 'is none of ours',
      }),
    ).toEqual({
      host: '::',
      port: 0,
      eventStoreUrl: 'esdb+discover://one:2113,two:2113?tls=true',
      databaseUrl: 'postgresql://me:secret@db.example/registry?sslmode=require',
      natsUrl: 'tls://one,two',
      natsStreamMaxBytes: 1_073_741_824,
      dataDir: '/var/lib/registry',
      databasePool: { min: 2, max: 20 },
      encryptionKeys: [...parseKeys(`new:${anotherKey},old:${aKey}`), parseKey(aKey)],
      credentials: undefined,
      corsOrigins: ['https://app.example', 'http://localhost:5173'],
      logLevel: 'debug',
      logFormat: 'json',
      environment: 'production',
    });
  });
});

describe('CREDENTIALS_PUBLIC_KEYS', () => {
  const { publicKey, privateKey } = newSigningKey(new Date('2026-01-02T03:04:05Z'));

  it('names who may sign tokens, and has connectors answered', () => {
    const { credentials } = readConfig({ CREDENTIALS_PUBLIC_KEYS: `a:${publicKey}, b:${publicKey}` });
    expect(credentials?.verifyingKeys.map(({ id }) => id)).toEqual(['a', 'b']);
    expect(credentials?.rates).toEqual({ perSubject: 600, perGateway: 10 });
  });

  it('has rates beside it', () => {
    const rates = { CREDENTIALS_SUBJECT_RATE: '5', CREDENTIALS_GATEWAY_RATE: '1' };
    const { credentials } = readConfig({ CREDENTIALS_PUBLIC_KEYS: `a:${publicKey}`, ...rates });
    expect(credentials?.rates).toEqual({ perSubject: 5, perGateway: 1 });
    expect(readConfig(rates).credentials).toBeUndefined();
    expect(() => readConfig({ CREDENTIALS_GATEWAY_RATE: '0' })).toThrow('CREDENTIALS_GATEWAY_RATE must be at least 1');
  });

  it('repeats nothing of what is no list of keys: it may be a private one', () => {
    const wrong = () => readConfig({ CREDENTIALS_PUBLIC_KEYS: privateKey });
    expect(wrong).toThrow('CREDENTIALS_PUBLIC_KEYS cannot be used: entry 1 is not id:key');
    expect(wrong).not.toThrow(privateKey);
  });
});

describe('DATABASE_HOST', () => {
  it('makes a URL of the parts, with their defaults', () => {
    expect(databaseUrl({ DATABASE_HOST: 'db' })).toBe('postgres://postgres@db:5432/mti_wifi');
  });

  it('takes any character in the other parts', () => {
    const url = new URL(
      databaseUrl({
        DATABASE_HOST: 'db.example',
        DATABASE_PORT: '6432',
        DATABASE_NAME: 'a/b?c',
        DATABASE_USER: 'me@home',
        DATABASE_PASSWORD: 'p@ss:w/rd#?%20 ü',
      }),
    );
    expect(url.host).toBe('db.example:6432');
    expect(url.search + url.hash).toBe('');
    expect([url.username, url.password, url.pathname.slice(1)].map(decodeURIComponent)).toEqual([
      'me@home',
      'p@ss:w/rd#?%20 ü',
      'a/b?c',
    ]);
  });

  it('may be an address of IPv6', () => {
    expect(new URL(databaseUrl({ DATABASE_HOST: '::1' })).host).toBe('[::1]:5432');
    expect(new URL(databaseUrl({ DATABASE_HOST: '[::1]' })).host).toBe('[::1]:5432');
  });

  it.each(['db/other', 'me@db', 'db:5432', 'db?x', 'postgres://db', 'd b'])('is a host and no more: %s', (host) => {
    expect(() => readConfig({ DATABASE_HOST: host })).toThrow(/\n {2}DATABASE_HOST must be a host name or an address$/);
  });

  it('gives way to DATABASE_URL', () => {
    expect(databaseUrl({ DATABASE_HOST: 'db', DATABASE_URL: 'postgres://other/registry' })).toBe(
      'postgres://other/registry',
    );
  });

  function databaseUrl(environment: NodeJS.ProcessEnv): string {
    return readConfig(environment).databaseUrl ?? '';
  }
});

describe('a configuration that is not as it should be', () => {
  const secret = 'hunter2';
  const wrong = {
    PORT: secret,
    EVENTSTORE_URL: `http://admin:${secret}@localhost`,
    DATABASE_URL: `mysql://me:${secret}@localhost`,
    DATABASE_HOST: `me:${secret}@localhost`,
    DATABASE_PORT: `5432${secret}`,
    DATABASE_POOL_MIN: secret,
    DATABASE_POOL_MAX: secret,
    NATS_URL: `http://me:${secret}@localhost`,
    ENCRYPTION_KEYS: secret,
    ENCRYPTION_KEY: secret,
    CORS_ORIGINS: `https://me:${secret}@app.example,https://app.example/${secret}`,
    LOG_LEVEL: secret,
  };

  it('is refused with every wrong variable named once and no value quoted', () => {
    const refusal = refused(wrong);
    expect(refusal.message).not.toContain(secret);
    const named = refusal.message.split('\n').slice(1);
    expect(named.map((line) => line.trim().split(' ')[0])).toEqual(Object.keys(wrong));
  });

  it.each([
    ['PORT', '65536'],
    ['PORT', '-1'],
    ['PORT', '3000.5'],
    ['PORT', '0x50'],
    ['PORT', '1e3'],
    ['PORT', ' '],
    ['DATABASE_PORT', '0'],
    ['DATABASE_POOL_MAX', '0'],
    ['DATABASE_POOL_MIN', '-1'],
    ['DATABASE_POOL_MIN', '1.5'],
    ['EVENTSTORE_URL', 'localhost:2113'],
    ['DATABASE_URL', 'localhost:5432'],
    ['DATABASE_URL', 'postgres://me:hunter2@[nowhere/registry'],
    ['NATS_URL', 'localhost:4222'],
    ['NATS_STREAM_MAX_BYTES', '0'],
    ['NATS_STREAM_MAX_BYTES', '1GB'],
    ['NATS_STREAM_MAX_BYTES', '2097151'],
    ['ENCRYPTION_KEYS', aKey],
    ['ENCRYPTION_KEYS', `one:${aKey},`],
    ['ENCRYPTION_KEYS', `one:${aKey},one:${anotherKey}`],
    ['ENCRYPTION_KEY', `${aKey} `],
    ['CORS_ORIGINS', '*'],
    ['CORS_ORIGINS', 'https://app.example/'],
    ['CORS_ORIGINS', 'app.example'],
    ['LOG_LEVEL', 'INFO'],
  ])('is refused for %s=%s', (name, value) => {
    expect(refused({ [name]: value }).message).toMatch(new RegExp(`^.*:\n {2}${name} .+$`));
  });

  it('is refused when the pool is to be smaller than it is', () => {
    expect(refused({ DATABASE_POOL_MIN: '11' }).message).toContain('DATABASE_POOL_MIN is above DATABASE_POOL_MAX');
  });

  function refused(environment: NodeJS.ProcessEnv): ConfigError {
    try {
      readConfig(environment);
    } catch (error) {
      if (error instanceof ConfigError) return error;
      throw error;
    }
    throw new Error('the configuration was taken');
  }
});

describe('.env.example', () => {
  // What the containers read stands below, and is none of the service's business.
  const [ofTheService = ''] = readProjectFile('.env.example').split('\n# Containers');
  const examples = [...ofTheService.matchAll(/^#([A-Z_]+)=(.*)$/gm)].map(([, name = '', value]) => [name, value]);

  it('names every variable, once, and no other', () => {
    expect(examples.map(([name]) => name).toSorted()).toEqual(variableNames.toSorted());
  });

  it('changes nothing as it is, and holds examples that can be used', () => {
    expect(readProjectFile('.env.example')).not.toMatch(/^[^#\n]/m);
    expect(() => readConfig(Object.fromEntries(examples))).not.toThrow();
  });
});

describe('the README', () => {
  it('has every variable in its table, and no other', () => {
    const [, section = ''] = readProjectFile('README.md').split('\n## Environment\n');
    const cells = [...(section.split('\n## ')[0] ?? '').matchAll(/^\| (`[^|]*) \|/gm)].map(([, cell = '']) => cell);
    const named = cells.flatMap((cell) => {
      const names = [...cell.matchAll(/`([A-Z_]+)`/g)].map(([, name = '']) => name);
      // `DATABASE_HOST`, `_PORT` is short for two names.
      return names.map((name) => (name.startsWith('_') ? `${names[0]?.split('_')[0]}${name}` : name));
    });
    expect(named.toSorted()).toEqual(variableNames.toSorted());
  });
});

function readProjectFile(path: string): string {
  return readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');
}
