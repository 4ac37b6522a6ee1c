import { createRequire } from 'node:module';
import { type NatsConnection, NatsError } from 'nats';
import { describe, expect, it } from 'vitest';
import { CredentialUnavailable, openCredentials } from './credentials.ts';
import { troubleOf } from './faults.ts';

const { NatsError: AnotherError } = anotherCopyOfNats();
const timedOut = AnotherError.errorForCode('TIMEOUT');

describe('an error of a connection of another copy of the library', () => {
  it('is none of ours, as far as classes go', () => {
    expect(timedOut).not.toBeInstanceOf(NatsError);
  });

  it('is a trouble like others, and no end', () => {
    expect(troubleOf(timedOut, connection())).toMatchObject({ kind: 'unavailable', cause: timedOut });
  });

  it('says that a password is not to be had just now', async () => {
    const privateKey = Buffer.alloc(32, 7).toString('base64url');
    const credentials = openCredentials(connection(), { privateKey, token: 'a token' });

    await expect(credentials.read('a gateway')).rejects.toThrow(CredentialUnavailable);
  });
});

/** As a project has it whose own version of the library is another than ours. */
function anotherCopyOfNats(): typeof import('nats') {
  const load = createRequire(import.meta.url);
  load('nats');
  for (const file of Object.keys(load.cache)) if (file.includes('/node_modules/nats/')) delete load.cache[file];
  return load('nats');
}

/** It is open, and nobody answers. */
function connection(): NatsConnection {
  return {
    isClosed: () => false,
    isDraining: () => false,
    request: () => Promise.reject(timedOut),
  } as unknown as NatsConnection;
}
