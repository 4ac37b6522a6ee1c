import { describe, expect, it } from 'vitest';
import { optionsOf } from './options.ts';

describe('the options of the orchestrator', () => {
  it('have a default each', () => {
    expect(optionsOf([], {})).toMatchObject({
      natsUrl: 'nats://localhost:4222',
      keyFile: 'connector.key',
      tokenFile: 'connector.token',
      organization: undefined,
      showReadings: false,
      settings: { beatEvery: 30_000, patience: 10_000, loginsAtOnce: 16 },
    });
  });

  it('come from the environment, and rather from the command line', () => {
    const environment = { NATS_URL: 'nats://a', CONNECTOR_KEY_FILE: 'a.key', CONNECTOR_TOKEN_FILE: 'a.token' };
    expect(optionsOf(['--nats', 'nats://b', '--beat-every', '0.25', '--patience', '5'], environment)).toMatchObject({
      natsUrl: 'nats://b',
      keyFile: 'a.key',
      tokenFile: 'a.token',
      settings: { beatEvery: 250, patience: 5_000, loginsAtOnce: 16 },
    });
  });

  it.each([
    ['--beat-every', '0'],
    ['--beat-every', '1e3'],
    ['--patience', 'long'],
    ['--logins-at-once', '1.5'],
    ['--logins-at-once', '-1'],
    ['--organization', 'foo'],
    ['--factory', '8B5B0C2E-4B6A-4A53-9E0B-0D6C3F1E2A11'],
  ])('are refused when they make no sense: %s=%s', (option, value) => {
    expect(() => optionsOf([`${option}=${value}`], {})).toThrow(`${option} is '${value}'`);
  });

  it('may say whose gateways, and in which factory', () => {
    const id = '8b5b0c2e-4b6a-4a53-9e0b-0d6c3f1e2a11';
    expect(optionsOf(['--organization', id, '--factory', id], {})).toMatchObject({ organization: id, factory: id });
  });

  it('are refused with a hint when there is no such one', () => {
    expect(() => optionsOf(['--nonsense'], {})).toThrow('--help');
  });

  it('may be a question', () => {
    expect(optionsOf(['--help', '--beat-every', '0'], {})).toBe('help');
  });
});
