// What the orchestrator can be told on its command line and in its environment.
import { parseArgs } from 'node:util';
import { type OrchestratorSettings, usualSettings } from './orchestrator.ts';

export interface Options {
  readonly natsUrl: string;
  readonly keyFile: string;
  readonly tokenFile: string;
  /** Of whom; undefined for all. */
  readonly organization: string | undefined;
  readonly factory: string | undefined;
  readonly showReadings: boolean;
  readonly settings: OrchestratorSettings;
}

export const usage = `Usage: node examples/orchestrator/main.ts [options]

Keeps a connection to each gateway of the registry, until it is interrupted: logs in, sends heartbeats, and follows what changes.
Prints a line each time that a connection goes from one state to another.

  --nats <url>            the NATS of the registry; NATS_URL, or nats://localhost:4222
  --key <file>            the private key of this connector; CONNECTOR_KEY_FILE, or connector.key
  --token <file>          its token, read anew each time that it is needed; CONNECTOR_TOKEN_FILE, or connector.token
  --organization <id>     only the gateways of this organization
  --factory <id>          only the gateways in this factory
  --beat-every <seconds>  between two heartbeats of a gateway; default: 30
  --patience <seconds>    how long a gateway may take to welcome us; default: 10
  --logins-at-once <n>    how many gateways are logged in to at the same time; default: 16
  --readings              prints what the gateways measure as well
  --help

README.md, "Passwords for connectors", tells how to make the key and the token.`;

/**
 * The options of a command line; what is not there is as the environment says.
 *
 * @throws Error with a message for people
 */
export function optionsOf(
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): Options | 'help' {
  const given = parse(args);
  if (given.help) return 'help';
  const { beatEvery, patience, loginsAtOnce } = usualSettings;
  return {
    natsUrl: given.nats ?? environment.NATS_URL ?? 'nats://localhost:4222',
    keyFile: given.key ?? environment.CONNECTOR_KEY_FILE ?? 'connector.key',
    tokenFile: given.token ?? environment.CONNECTOR_TOKEN_FILE ?? 'connector.token',
    organization: id('--organization', given.organization),
    factory: id('--factory', given.factory),
    showReadings: given.readings,
    settings: {
      ...usualSettings,
      beatEvery: milliseconds('--beat-every', given['beat-every']) ?? beatEvery,
      patience: milliseconds('--patience', given.patience) ?? patience,
      loginsAtOnce: positive('--logins-at-once', given['logins-at-once'], /^\d{1,5}$/) ?? loginsAtOnce,
    },
  };
}

function parse(args: readonly string[]) {
  try {
    const text = { type: 'string' } as const;
    const flag = { type: 'boolean', default: false } as const;
    const options = {
      nats: text,
      key: text,
      token: text,
      organization: text,
      factory: text,
      'beat-every': text,
      patience: text,
      'logins-at-once': text,
      readings: flag,
      help: flag,
    };
    return parseArgs({ args: [...args], options }).values;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`${reason}. Say --help for all options.`, { cause: error });
  }
}

function milliseconds(option: string, text: string | undefined): number | undefined {
  const seconds = positive(option, text, /^\d{1,5}(\.\d{1,3})?$/);
  return seconds === undefined ? undefined : seconds * 1_000;
}

function positive(option: string, text: string | undefined, pattern: RegExp): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (pattern.test(text) && value > 0) return value;
  throw new Error(`${option} is '${text}', which it cannot be. Correct it, or leave it out.`);
}

function id(option: string, text: string | undefined): string | undefined {
  if (text === undefined || /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text)) return text;
  throw new Error(`${option} is '${text}', which is no id: a UUID in small letters. Correct it, or leave it out.`);
}
