import { describe, expect, it } from 'vitest';
import type { z } from 'zod';
import * as declared from './fields.ts';

const fields = { ...declared };
const emoji = '😀';

describe('text', () => {
  it.each([
    ['name', 1, 255],
    ['gatewayId', 1, 255],
    ['password', 1, 1024],
    ['location', 0, 500],
    ['model', 0, 100],
    ['firmwareVersion', 0, 50],
  ] as const)('is counted in characters as Postgres counts them: %s has %i to %i', (field, shortest, longest) => {
    const schema = fields[field];
    expect(accepts(schema, emoji.repeat(longest))).toBe(true);
    expect(problems(schema, emoji.repeat(longest + 1))).toEqual([`must have at most ${longest} characters`]);
    expect(accepts(schema, '')).toBe(shortest === 0);
  });

  it('is left as it is, with the space around it', () => {
    expect(fields.name.parse('  Acme  ')).toBe('  Acme  ');
  });

  it.each(['location', 'model', 'firmwareVersion'] as const)('may be null: %s', (field) => {
    expect(fields[field].parse(null)).toBe(null);
  });

  it.each(['name', 'gatewayId', 'password', 'url', 'email', 'timezone'] as const)('may not be null: %s', (field) => {
    expect(accepts(fields[field], null)).toBe(false);
  });

  it.each(['name', 'location', 'password'] as const)('is no other JSON value: %s', (field) => {
    for (const value of [1, true, {}, ['x']]) expect(accepts(fields[field], value)).toBe(false);
  });
});

describe('url', () => {
  const start = 'wss://10.0.0.1/';

  it.each([
    'ws://localhost',
    'wss://gateway.example:8443/ws?room=1',
    'WSS://gateway.example',
    'ws://[::1]:8080/',
    'wss://bücher.example/ü',
  ])('may be %s', (url) => {
    expect(fields.url.parse(url)).toBe(url);
  });

  it.each([
    'http://10.0.0.1',
    'https://10.0.0.1',
    '10.0.0.1:8443',
    '//10.0.0.1',
    'wss:',
    'wss://',
    'wss://host:65536',
    'wss://me@host',
    'wss://me:hunter2@host',
    'wss://:hunter2@host',
    'javascript:alert(1)//wss://',
  ])('may not be %s', (url) => {
    expect(problems(fields.url, url)).toEqual(['must be a ws:// or wss:// URL without user name and password']);
  });

  it.each([' wss://host', 'wss://host ', 'wss://host/\n', 'wss://ho\tst', 'wss://host/a b', 'wss://host/\u007f'])(
    'has no white space and no control characters: %j',
    (url) => {
      expect(accepts(fields.url, url)).toBe(false);
    },
  );

  it('has 500 characters at most', () => {
    expect(accepts(fields.url, start + 'a'.repeat(500 - start.length))).toBe(true);
    expect(accepts(fields.url, start + 'a'.repeat(501 - start.length))).toBe(false);
  });
});

describe('email', () => {
  it.each(['gateway-0001@acme.example', "o'neil+hall1@sub.acme.example"])('may be %s', (email) => {
    expect(fields.email.parse(email)).toBe(email);
  });

  it.each(['', 'acme.example', '@acme.example', 'me@', 'me@acme', 'a b@acme.example', 'a@b@acme.example', ' a@b.cd'])(
    'may not be %j',
    (email) => {
      expect(accepts(fields.email, email)).toBe(false);
    },
  );

  it('has 255 characters at most', () => {
    const domain = '@acme.example';
    expect(accepts(fields.email, 'a'.repeat(255 - domain.length) + domain)).toBe(true);
    expect(problems(fields.email, 'a'.repeat(256 - domain.length) + domain)).toEqual([
      'must have at most 255 characters',
    ]);
  });
});

describe('timezone', () => {
  it.each(['UTC', 'Europe/Berlin', 'America/Argentina/Buenos_Aires', 'America/Chicago', 'Etc/GMT+5', 'Asia/Kolkata'])(
    'may be %s',
    (timezone) => {
      expect(fields.timezone.parse(timezone)).toBe(timezone);
    },
  );

  it.each(['', '+05:00', '-0500', 'Mars/Olympus', 'UTC+1', 'Europe', 'Europe/Berlin ', 'Europe/Berlin\n'])(
    'may not be %j',
    (timezone) => {
      expect(accepts(fields.timezone, timezone)).toBe(false);
    },
  );
});

describe('metadata', () => {
  const around = '{"text":""}'.length;
  const sixtyFourKiB = 64 * 1024;

  it('has 64 KiB of JSON at most, in bytes', () => {
    const twoBytes = 'ü'.repeat((sixtyFourKiB - around - 1) / 2);
    expect(accepts(fields.metadata, { text: `${twoBytes}a` })).toBe(true);
    expect(problems(fields.metadata, { text: `${twoBytes}ü` })).toEqual(['must be at most 64 KiB of JSON']);
  });

  it('is 64 levels deep at most, objects and arrays alike', () => {
    expect(accepts(fields.metadata, deep(64))).toBe(true);
    expect(problems(fields.metadata, deep(65))).toEqual(['must be at most 64 levels deep']);
  });

  it('is refused, not choked on, when it is as wide as a body can be', () => {
    expect(problems(fields.metadata, { wide: Array(500_000).fill(0) })).toEqual(['must be at most 64 KiB of JSON']);
  });

  it.each([null, [], 'text', 5, true, undefined])('is an object, not %j', (value) => {
    expect(problems(fields.metadata, value)).toEqual(['must be a JSON object']);
  });

  it('is taken as it is, empty or with any key', () => {
    for (const value of [{}, { '': null, constructor: 1, 'a.b': [{}] }])
      expect(fields.metadata.parse(value)).toBe(value);
  });
});

describe('the id of a parent', () => {
  it.each(['organizationId', 'factoryId'] as const)('is a UUID in any case and kept in lower case: %s', (field) => {
    expect(fields[field].parse('0194A000-0000-7000-8000-00000000000F')).toBe('0194a000-0000-7000-8000-00000000000f');
    for (const value of [
      '',
      'x',
      null,
      1,
      '0194a000-0000-7000-8000-00000000000',
      '{0194a000-0000-7000-8000-00000000000f}',
    ]) {
      expect(accepts(fields[field], value)).toBe(false);
    }
  });
});

describe('any of some fields', () => {
  const some = fields.anyOf({ name: fields.name, location: fields.location });

  it('is taken whichever they are, and leaves out what was left out', () => {
    expect(some.parse({ location: null })).toEqual({ location: null });
    expect(some.parse({ name: 'Acme', location: '' })).toEqual({ name: 'Acme', location: '' });
  });

  it('is refused with none of them', () => {
    expect(problems(some, {})).toEqual(['must have at least one field']);
  });

  it('is refused with others', () => {
    expect(accepts(some, { name: 'Acme', id: 1 })).toBe(false);
    expect(accepts(some, { id: 1 })).toBe(false);
  });

  it.each([null, [], 'name'])('is an object, not %j', (value) => {
    expect(accepts(some, value)).toBe(false);
  });
});

function accepts(schema: z.ZodType, value: unknown): boolean {
  return schema.safeParse(value).success;
}

function problems(schema: z.ZodType, value: unknown): string[] {
  return schema.safeParse(value).error?.issues.map(({ message }) => message) ?? [];
}

function deep(levels: number): object {
  let value: object = {};
  for (let level = 1; level < levels; level++) value = level % 2 === 0 ? { inner: value } : [value];
  return { ...value };
}
