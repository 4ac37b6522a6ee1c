import { type Logger, pino } from 'pino';
import { beforeEach, describe, expect, it } from 'vitest';
import { createMigratedDatabase, withClient } from '../../test/support/database.ts';
import { aKeyCalled, aKeyRing } from '../../test/support/key-rings.ts';
import { GatewayId } from '../events/ids.ts';
import { createEncryption } from '../infrastructure/encryption.ts';
import { type KeyRing, ringOf } from '../infrastructure/key-ring.ts';
import { createPool } from '../infrastructure/postgres.ts';
import { refuseWrongKey, tellOfClosedPasswords } from './at-start.ts';

const right = aKeyCalled('new', 1);
const wrong = aKeyCalled('new', 2);
const old = aKeyCalled('old', 3);

let databaseUrl: string;
let lines: string[];
let logger: Logger;

beforeEach(async () => {
  const database = await createMigratedDatabase();
  databaseUrl = database.url;
  lines = [];
  logger = pino({ level: 'debug' }, { write: (line) => lines.push(line) });
  return () => database[Symbol.asyncDispose]();
});

describe('a first key that opens none of the passwords under its id', () => {
  it('is refused, with what to do and nothing of any key', async () => {
    await givenPasswords(sealedBy(right), sealedBy(right));
    await expect(refused(ringOf([wrong, old]))).rejects.toThrow(
      /^Key new opens none of the passwords that are under its id \(2 tried\).*generate/,
    );
    expect(lines).toEqual([]);
  });

  it('is refused however many passwords are under other keys', async () => {
    await givenPasswords(sealedBy(old), sealedBy(right), sealedBy(old));
    await expect(refused(ringOf([wrong, old]))).rejects.toThrow('(1 tried)');
  });

  it('is taken when its id is made of the key: then they were altered', async () => {
    await givenPasswords((id) => altered(createEncryption(aKeyRing).seal('secret', id)));
    await refused(aKeyRing);
    expect(await told(aKeyRing)).toContain(`Key ${aKeyRing[0].id} does not open 1 of 1 passwords under its id`);
  });
});

describe('a first key', () => {
  it('is taken when it opens what is under its id, and nothing is said', async () => {
    await givenPasswords(sealedBy(right), sealedBy(old));
    await refused(ringOf([right, old]));
    expect(await told(ringOf([right, old]))).toBe('');
  });

  it('is taken when nothing is under its id', async () => {
    await refused(ringOf([right]));
    await givenPasswords(sealedBy(old));
    await refused(ringOf([right, old]));
  });

  it('is taken when it opens some of what is under its id, and the others are told', async () => {
    await givenPasswords(sealedBy(right), sealedBy(wrong), sealedBy(right));
    const ring = ringOf([wrong]);
    await refused(ring);
    expect(await told(ring)).toContain('Key new does not open 2 of 3 passwords under its id that were tried');
  });

  it('is taken while Postgres is away, and that is said', async () => {
    await refused(ringOf([right]), 'postgres://postgres@127.0.0.1:1/none');
    expect(lines.join('')).toContain('Whether key new opens the passwords under its id could not be looked up');
    expect(lines.join('')).toContain('"level":50');
  });
});

it('another key that does not open what is under its id is told of', async () => {
  await givenPasswords(sealedBy(right), sealedBy(aKeyCalled('old', 9)));
  const ring = ringOf([right, old]);
  await refused(ring);
  expect(await told(ring)).toContain('Key old does not open 1 of 1 passwords under its id');
});

it('a key that is missing is told of', async () => {
  await givenPasswords(sealedBy(right), sealedBy(old), sealedBy(old));
  expect(await told(ringOf([right]))).toMatch(
    /Key old is not here \(new\), and passwords of gateways are under it: 2\./,
  );
});

async function refused(ring: KeyRing, url = databaseUrl): Promise<void> {
  const pool = createPool({ databaseUrl: url, logger: pino({ level: 'silent' }) });
  try {
    await refuseWrongKey({ pool, ring, logger });
  } finally {
    await pool.end();
  }
}

/** What is said of a ring. */
async function told(ring: KeyRing): Promise<string> {
  const pool = createPool({ databaseUrl, logger: pino({ level: 'silent' }) });
  await tellOfClosedPasswords({ pool, ring, logger });
  await pool.end();
  return lines.join('');
}

function sealedBy(key: KeyRing[number]) {
  return (id: GatewayId) => createEncryption(ringOf([key])).seal('secret', id);
}

function altered(sealed: string): string {
  const [version, key, iv, , text] = sealed.split('.');
  return [version, key, iv, 'A'.repeat(22), text].join('.');
}

async function givenPasswords(...seal: readonly ((id: GatewayId) => string)[]): Promise<void> {
  await withClient(databaseUrl, async (client) => {
    const organization = await client.query("INSERT INTO organizations (name) VALUES ('Acme') RETURNING id");
    const factory = await client.query(
      "INSERT INTO factories (organization_id, name) VALUES ($1, 'Berlin') RETURNING id",
      [organization.rows[0].id],
    );
    for (const [number, sealIt] of seal.entries()) {
      const id = GatewayId.parse(`0194c000-0000-7000-8000-${String(number).padStart(12, '0')}`);
      await client.query(
        `INSERT INTO gateways (id, factory_id, organization_id, gateway_id, name, url, email, password_encrypted)
         VALUES ($1, $2, $3, $4, 'Hall 1', 'ws://10.0.0.1', 'a@acme.example', $5)`,
        [id, factory.rows[0].id, organization.rows[0].id, `device ${number}`, sealIt(id)],
      );
    }
  });
}
