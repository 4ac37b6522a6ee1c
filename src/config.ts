// The environment, and what each variable means. Besides main.ts nothing else reads process.env.
import { isIPv6 } from 'node:net';
import { z } from 'zod';
import type { CredentialRates } from './credentials/answer.ts';
import { KeyError, parseVerifyingKeys, type SigningKey } from './credentials/keys.ts';
import { type EncryptionKey, KeyRingError, parseKey, parseKeys } from './infrastructure/key-ring.ts';

export interface Config {
  readonly host: string;
  readonly port: number;
  /** Where the servers are; one that is undefined is the embedded one. */
  readonly eventStoreUrl: string | undefined;
  readonly databaseUrl: string | undefined;
  readonly natsUrl: string | undefined;
  /** How large the NATS stream of the events may grow; undefined for no bound. */
  readonly natsStreamMaxBytes: number | undefined;
  readonly databasePool: { readonly min: number; readonly max: number };
  /** The folder where the embedded servers keep their files. */
  readonly dataDir: string;
  /** Those of ENCRYPTION_KEYS, then that of ENCRYPTION_KEY: the first one encrypts. */
  readonly encryptionKeys: readonly EncryptionKey[];
  /** Who may sign tokens of connectors, and how often these may ask; undefined when nobody is told any password. */
  readonly credentials: { readonly verifyingKeys: readonly SigningKey[]; readonly rates: CredentialRates } | undefined;
  readonly corsOrigins: readonly string[];
  readonly logLevel: LogLevel;
  /** One JSON object a line for machines, or lines for people. */
  readonly logFormat: 'json' | 'pretty';
  /** `development`, in which examples may be made and tables thrown away; anything else is taken for the real thing. */
  readonly environment: string;
}

const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

/** The environment is not as it should be; the message names each variable and quotes no value. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

// Not by coercion, for which a space is 0 and 0x50 a number.
function wholeNumber(message: string) {
  return z
    .string()
    .regex(/^\d{1,9}$/, message)
    .transform(Number);
}

function port(lowest: 0 | 1) {
  return wholeNumber('must be a port').pipe(z.int().min(lowest, 'must be a port').max(65_535, 'must be a port'));
}

function keys<Key>(parse: (text: string) => readonly Key[]) {
  return z.string().transform((text, context) => {
    try {
      return parse(text);
    } catch (error) {
      if (!(error instanceof KeyRingError || error instanceof KeyError)) throw error;
      context.addIssue({ code: 'custom', message: `cannot be used: ${error.message}` });
      return z.NEVER;
    }
  });
}

/**
 * A message of NATS takes up to a mebibyte, where nobody has changed that. Were the bound smaller than the newest message, that one
 * would go as well, and with it what says where to resume.
 */
const leastStreamBytes = 2 * 1024 * 1024;

const count = wholeNumber('must be a whole number');
const rate = count.pipe(z.int().min(1, 'must be at least 1'));

const Environment = z
  .object({
    HOST: z.string().default('127.0.0.1'),
    PORT: port(0).default(3000),
    EVENTSTORE_URL: z
      .string()
      .regex(/^esdb(\+discover)?:\/\//, 'must look like esdb://localhost:2113?tls=false')
      .optional(),
    DATABASE_URL: z
      .string()
      .refine(isPostgresUrl, 'must look like postgres://user:password@localhost:5432/mti_wifi')
      .optional(),
    DATABASE_HOST: z.string().refine(isHost, 'must be a host name or an address').optional(),
    DATABASE_PORT: port(1).default(5432),
    DATABASE_NAME: z.string().default('mti_wifi'),
    DATABASE_USER: z.string().default('postgres'),
    DATABASE_PASSWORD: z.string().optional(),
    DATABASE_POOL_MIN: count.default(0),
    DATABASE_POOL_MAX: count.pipe(z.int().min(1, 'must be at least 1')).default(10),
    NATS_URL: z
      .string()
      .regex(/^(nats|tls):\/\//, 'must look like nats://localhost:4222')
      .optional(),
    NATS_STREAM_MAX_BYTES: z
      .string()
      .regex(/^\d{1,15}$/, 'must be a whole number of bytes')
      .transform(Number)
      .pipe(z.int().min(leastStreamBytes, `must be at least ${leastStreamBytes} bytes (2 MiB)`))
      .optional(),
    DATA_DIR: z.string().default('.data'),
    ENCRYPTION_KEYS: keys(parseKeys).default([]),
    ENCRYPTION_KEY: keys((encoded) => [parseKey(encoded)]).default([]),
    CREDENTIALS_PUBLIC_KEYS: keys(parseVerifyingKeys).optional(),
    CREDENTIALS_SUBJECT_RATE: rate.default(600),
    CREDENTIALS_GATEWAY_RATE: rate.default(10),
    CORS_ORIGINS: z
      .string()
      .transform((list) => list.split(',').map((origin) => origin.trim()))
      .pipe(z.array(z.string().refine(isOrigin, 'must be origins such as https://example.com, separated by commas')))
      .default([]),
    LOG_LEVEL: z.enum(logLevels, `must be one of ${logLevels.join(', ')}`).default('info'),
    NODE_ENV: z.string().default('development'),
  })
  .refine(({ DATABASE_POOL_MIN, DATABASE_POOL_MAX }) => DATABASE_POOL_MIN <= DATABASE_POOL_MAX, {
    path: ['DATABASE_POOL_MIN'],
    message: 'is above DATABASE_POOL_MAX',
  });

/** The names of all variables. */
export const variableNames: readonly string[] = Object.keys(Environment.shape);

/**
 * Adds what the file `.env` of the working directory says, if there is one, to the environment of this process. What is
 * in the environment already stays.
 *
 * @throws ConfigError when the file cannot be read
 */
export function loadEnvironmentFile(): void {
  try {
    process.loadEnvFile();
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return;
    const reason = error instanceof Error ? error.message : String(error);
    throw new ConfigError(`The file .env cannot be read: ${reason}`, { cause: error });
  }
}

/**
 * Reads the configuration. A variable that is empty counts as not set.
 *
 * @throws ConfigError that names every variable that is not as it should be
 */
export function readConfig(environment: NodeJS.ProcessEnv): Config {
  const set = Object.entries(environment).filter(([, value]) => value !== undefined && value !== '');
  const parsed = Environment.safeParse(Object.fromEntries(set));
  if (!parsed.success) {
    const lines = parsed.error.issues.map(({ path, message }) => `  ${path[0]?.toString()} ${message}`);
    throw new ConfigError(`The environment is not as it should be:\n${[...new Set(lines)].join('\n')}`);
  }
  const variables = parsed.data;
  return {
    host: variables.HOST,
    port: variables.PORT,
    eventStoreUrl: variables.EVENTSTORE_URL,
    databaseUrl: databaseUrlOf(variables),
    natsUrl: variables.NATS_URL,
    natsStreamMaxBytes: variables.NATS_STREAM_MAX_BYTES,
    databasePool: { min: variables.DATABASE_POOL_MIN, max: variables.DATABASE_POOL_MAX },
    dataDir: variables.DATA_DIR,
    encryptionKeys: [...variables.ENCRYPTION_KEYS, ...variables.ENCRYPTION_KEY],
    credentials: credentialsOf(variables),
    corsOrigins: variables.CORS_ORIGINS,
    logLevel: variables.LOG_LEVEL,
    logFormat: variables.NODE_ENV === 'production' ? 'json' : 'pretty',
    environment: variables.NODE_ENV,
  };
}

function credentialsOf(variables: z.output<typeof Environment>): Config['credentials'] {
  const { CREDENTIALS_PUBLIC_KEYS: verifyingKeys, CREDENTIALS_SUBJECT_RATE, CREDENTIALS_GATEWAY_RATE } = variables;
  if (verifyingKeys === undefined) return undefined;
  return { verifyingKeys, rates: { perSubject: CREDENTIALS_SUBJECT_RATE, perGateway: CREDENTIALS_GATEWAY_RATE } };
}

function isPostgresUrl(text: string): boolean {
  return /^postgres(ql)?:\/\//.test(text) && URL.canParse(text);
}

// DATABASE_HOST stands for DATABASE_URL where the parts come from different places, as in a container.
function databaseUrlOf(variables: z.output<typeof Environment>): string | undefined {
  const { DATABASE_URL, DATABASE_HOST, DATABASE_PORT, DATABASE_NAME, DATABASE_USER, DATABASE_PASSWORD } = variables;
  if (DATABASE_URL !== undefined || DATABASE_HOST === undefined) return DATABASE_URL;
  const user = encodeURIComponent(DATABASE_USER);
  const credentials = DATABASE_PASSWORD === undefined ? user : `${user}:${encodeURIComponent(DATABASE_PASSWORD)}`;
  const host = isIPv6(DATABASE_HOST) ? `[${DATABASE_HOST}]` : DATABASE_HOST;
  return `postgres://${credentials}@${host}:${DATABASE_PORT}/${encodeURIComponent(DATABASE_NAME)}`;
}

function isHost(text: string): boolean {
  return /^[\p{L}\p{N}._-]+$/u.test(text) || isIPv6(text.replace(/^\[(.*)\]$/, '$1'));
}

function isOrigin(text: string): boolean {
  return URL.canParse(text) && new URL(text).origin === text;
}
