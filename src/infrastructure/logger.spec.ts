import { describe, expect, it } from 'vitest';
import { createLogger } from './logger.ts';

describe('a line of the log', () => {
  it('is one JSON object with level, time in UTC, message and fields, and nothing about the machine', async () => {
    const [line] = await logged((logger) => logger.info({ loop: 'projector', pause: 7 }, 'two\nlines'));
    expect(line).toEqual({
      level: 30,
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      loop: 'projector',
      pause: 7,
      msg: 'two\nlines',
    });
  });

  it('is left out below the level', async () => {
    expect(await logged((logger) => logger.debug('too much'))).toEqual([]);
  });

  it.each(['password', 'passwordEncrypted', 'password_encrypted', 'authorization', 'cookie'])(
    'has no %s, at the top or up to two levels below',
    async (secret) => {
      const value = 'hunter2';
      const [line] = await logged((logger) =>
        logger.info({ [secret]: value, a: { [secret]: value, b: { [secret]: value } }, list: [{ [secret]: value }] }),
      );
      expect(JSON.stringify(line)).not.toContain(value);
      expect(line).toMatchObject({ [secret]: '[secret]', a: { [secret]: '[secret]', b: { [secret]: '[secret]' } } });
    },
  );

  it('has no secret of the fields that a child logger was given', async () => {
    const lines = await logged((logger) => logger.child({ user: { password: 'hunter2' } }).info('hello'));
    expect(JSON.stringify(lines)).not.toContain('hunter2');
  });
});

describe('an error in the log', () => {
  it('is its type, message, stack and code', async () => {
    const [line] = await logged((logger) =>
      logger.error({ err: Object.assign(new TypeError('no such table'), { code: '42P01' }) }, 'a query failed'),
    );
    expect(line).toMatchObject({
      err: {
        type: 'TypeError',
        message: 'no such table',
        code: '42P01',
        stack: expect.stringContaining('logger.spec.ts'),
      },
      msg: 'a query failed',
    });
  });

  it('says nothing of what a driver attached to it, and to what caused it', async () => {
    const cause = Object.assign(new Error('duplicate key'), { detail: 'Key (email)=(hunter2)', values: ['hunter2'] });
    const error = Object.assign(new Error('the query failed', { cause }), {
      sql: 'INSERT',
      values: ['hunter2'],
      options: { password: 'hunter2' },
    });
    for (const write of [{ err: error }, error]) {
      const lines = await logged((logger) => logger.error(write));
      expect(JSON.stringify(lines)).not.toContain('hunter2');
    }
  });

  it('has the chain of its causes', async () => {
    const error = new Error('c', { cause: new Error('b', { cause: new RangeError('a', { cause: 'the wire' }) }) });
    const [line] = await logged((logger) => logger.error({ err: error }));
    expect(line).toMatchObject({
      err: { message: 'c', cause: { message: 'b', cause: { type: 'RangeError', message: 'a', cause: 'the wire' } } },
    });
  });

  it('may be caused by itself', async () => {
    const error = new Error('round and round');
    error.cause = new Error('and back', { cause: error });
    const [line] = await logged((logger) => logger.error({ err: error }, 'still here'));
    expect(line).toMatchObject({
      msg: 'still here',
      err: { message: 'round and round', cause: { message: 'and back' } },
    });
  });

  it('may be no error at all', async () => {
    const lines = await logged((logger) => {
      logger.error({ err: 'gone' }, 'failed');
      logger.error({ err: undefined }, 'failed');
      logger.error({ err: null }, 'failed');
    });
    expect(lines.map(({ msg }) => msg)).toEqual(['failed', 'failed', 'failed']);
    expect(lines[0]).toMatchObject({ err: 'gone' });
  });
});

type Logger = Awaited<ReturnType<typeof createLogger>>;

/** What is written at level info, line by line. */
async function logged(write: (logger: Logger) => void): Promise<Record<string, unknown>[]> {
  const lines: Record<string, unknown>[] = [];
  const destination = { write: (line: string) => void lines.push(JSON.parse(line)) };
  write(await createLogger({ level: 'info', format: 'json', destination }));
  return lines;
}
