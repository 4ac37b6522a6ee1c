import { ConnectionError } from 'slonik';
import { describe, expect, it } from 'vitest';
import { isoTime, isUnavailable } from './postgres.ts';

function withCode(code: string): Error {
  return Object.assign(new Error('something'), { code });
}

describe('an error of Postgres', () => {
  it.each(['57P01', '57P02', '57P03', '53300', '08006', '57014', 'ECONNREFUSED', 'ECONNRESET', 'ENOTFOUND'])(
    'means that it is away when its code is %s',
    (code) => expect(isUnavailable(withCode(code))).toBe(true),
  );

  it.each(['23505', '22P02', '42P01', '42703', '40001', 'ERR_INVALID_ARG_TYPE'])(
    'means something else when its code is %s',
    (code) => expect(isUnavailable(withCode(code))).toBe(false),
  );

  it.each(['Connection terminated unexpectedly', 'Connection terminated', 'timeout expired', 'Query read timeout'])(
    'means that it is away when it says "%s"',
    (message) => expect(isUnavailable(new Error(message))).toBe(true),
  );

  it('is judged by its cause', () => {
    expect(isUnavailable(new Error('wrapped', { cause: withCode('57P01') }))).toBe(true);
    expect(isUnavailable(new Error('wrapped', { cause: withCode('23505') }))).toBe(false);
  });

  it('means that it is away when slonik cannot connect, whatever the cause', () => {
    expect(isUnavailable(new ConnectionError('no'))).toBe(true);
  });

  it.each([undefined, null, 'ECONNREFUSED', { code: 'ECONNREFUSED' }])('is an Error, not %s', (value) =>
    expect(isUnavailable(value)).toBe(false),
  );
});

describe('a time of Postgres', () => {
  it.each([
    ['2026-01-02 03:04:05+00', '2026-01-02T03:04:05.000Z'],
    ['2026-01-02 03:04:05.6+00', '2026-01-02T03:04:05.600Z'],
    ['2026-01-02 03:04:05.067+00', '2026-01-02T03:04:05.067Z'],
    ['2026-01-02 03:04:05.999999+00', '2026-01-02T03:04:05.999Z'],
    ['2026-01-02 03:04:05.25+02', '2026-01-02T01:04:05.250Z'],
    ['2026-01-02 03:04:05.25+05:30', '2026-01-01T21:34:05.250Z'],
  ])('%s is %s', (text, time) => expect(isoTime(text)).toBe(time));

  it.each(['infinity', '-infinity'])('is not %s', (text) => expect(() => isoTime(text)).toThrow(RangeError));
});
