import { describe, expect, it } from 'vitest';
import { databaseNameOf, publicAddress, withDatabase } from './address.ts';

describe('the database of a URL', () => {
  it('is what follows the host', () => {
    expect(databaseNameOf('postgres://me:secret@db:5432/mti_wifi?sslmode=require')).toBe('mti_wifi');
    expect(databaseNameOf('postgres://db/a%2Fb%20c')).toBe('a/b c');
    expect(databaseNameOf('postgres:///mti_wifi?host=/run/postgresql')).toBe('mti_wifi');
  });

  it.each(['postgres://db', 'postgres://db/'])('must be named: %s', (url) => {
    expect(() => databaseNameOf(url)).toThrow(/names no database/);
  });

  it('may be exchanged for another, whatever its name', () => {
    const other = withDatabase('postgres://me:p%40ss@db:6432/mti_wifi?sslmode=require', 'a/b c');
    expect(other).toBe('postgres://me:p%40ss@db:6432/a%2Fb%20c?sslmode=require');
    expect(databaseNameOf(other)).toBe('a/b c');
  });

  it('cannot be told of what is no URL, and the error does not repeat it', () => {
    expect(() => databaseNameOf('postgres://me:hunter2@')).toThrow(/^(?!.*hunter2)/);
  });
});

describe('the public address', () => {
  it.each([
    ['postgres://me:hunter2@db:5432/mti_wifi?password=hunter2', 'postgres://me@db:5432/mti_wifi'],
    ['postgres://me:hunter2@db@ter2@db/mti_wifi', 'postgres://me@db/mti_wifi'],
    ['postgres://me:hunter#2?@db/mti_wifi', 'postgres://me@db/mti_wifi'],
    ['postgres://:hunter2@db/mti_wifi', 'postgres://db/mti_wifi'],
    ['postgres:///mti_wifi?host=/run/postgresql', 'postgres:///mti_wifi'],
    ['esdb+discover://admin:hunter2@one:2113,two:2113?tls=true', 'esdb+discover://admin@one:2113,two:2113'],
    ['esdb://localhost:2113?tls=false', 'esdb://localhost:2113'],
  ])('of %s is %s', (url, address) => {
    expect(publicAddress(url)).toBe(address);
  });
});
