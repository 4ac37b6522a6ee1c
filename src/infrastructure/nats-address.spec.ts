import { describe, expect, it } from 'vitest';
import { readNatsAddress } from './nats-address.ts';

describe('a NATS address', () => {
  it('has a default port', () => {
    expect(readNatsAddress('nats://localhost')).toEqual({
      servers: ['localhost:4222'],
      tls: false,
      credentials: undefined,
    });
  });

  it('gives the user and the password apart from the servers', () => {
    expect(readNatsAddress('nats://me:p%40ss@one:4223, nats://two, nats://[::1]:4224')).toEqual({
      servers: ['one:4223', 'two:4222', '[::1]:4224'],
      tls: false,
      credentials: { user: 'me', pass: 'p@ss' },
    });
  });

  it('takes a user without a password for a token', () => {
    expect(readNatsAddress('tls://t0ken@nats.example')).toEqual({
      servers: ['nats.example:4222'],
      tls: true,
      credentials: { token: 't0ken' },
    });
  });

  it.each([
    '',
    'localhost:4222',
    'http://me:hunter2@host',
    'nats://me:hunter2%@host',
    'nats://me:hunter2@',
    'nats://a,',
  ])('is not %s, and the error does not repeat it', (text) => {
    expect(() => readNatsAddress(text)).toThrow(/^NATS_URL is not a NATS address such as nats:\/\/localhost:4222 or/);
  });
});
