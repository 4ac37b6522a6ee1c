import pino from 'pino';
import { describe, expect, it } from 'vitest';
import { givenLog } from '../../test/support/given-log.ts';
import { ResetRefused, resetDatabase } from './reset.ts';

describe('a reset is refused before anything is asked', () => {
  it.each(['production', 'test', 'staging'])('in %s, with the flag that forces it', async (environment) => {
    await expect(reset({ environment })).rejects.toThrow(ResetRefused);
    await expect(reset({ environment })).rejects.toThrow('npm run db:reset -- --force=mti_wifi');
  });

  it.each(['production', 'development'])('in %s when the flag names another database', async (environment) => {
    await expect(reset({ environment, force: 'other' })).rejects.toThrow(
      '--force names other, but the database is mti',
    );
  });

  it.each(['postgres', 'template0', 'template1'])("for %s, which is Postgres's own", async (name) => {
    await expect(reset({ name, force: name })).rejects.toThrow(ResetRefused);
  });

  it('when the name leaves no room for another beside it', async () => {
    await expect(reset({ name: 'x'.repeat(60) })).rejects.toThrow(/too long/);
  });
});

function reset({ name = 'mti_wifi', environment = 'development', force = undefined as string | undefined }) {
  return resetDatabase({
    databaseUrl: `postgres://nobody@127.0.0.1:1/${name}`,
    eventLog: givenLog(),
    seed: async () => undefined,
    environment,
    force,
    terminal: { write: () => undefined },
    logger: pino({ level: 'silent' }),
    signal: new AbortController().signal,
  });
}
