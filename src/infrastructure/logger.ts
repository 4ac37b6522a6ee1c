import { type DestinationStream, type Logger, pino, type SerializedError } from 'pino';

export interface LoggerOptions {
  readonly level: string;
  readonly format: 'json' | 'pretty';
  /** Where lines go instead of standard error. */
  readonly destination?: DestinationStream;
}

/** A chain of causes is told up to here: it may be a circle. */
const mostCauses = 8;

/**
 * The log of the process, on standard error: standard output belongs to what a command answers.
 *
 * Nothing logs a body or a header. The fields below are struck out all the same, and an error is reduced to its type,
 * message and stack, because drivers attach the values of a statement to their errors.
 */
export async function createLogger({ level, format, destination }: LoggerOptions): Promise<Logger> {
  const secrets = ['password', 'passwordEncrypted', 'password_encrypted', 'authorization', 'cookie'];
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: { paths: secrets.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]), censor: '[secret]' },
      serializers: { err: (error: unknown) => describeError(error, mostCauses) },
    },
    destination ?? (await standardError(format)),
  );
}

async function standardError(format: LoggerOptions['format']): Promise<DestinationStream> {
  // Synchronous in both forms: the last line before an exit is the one that is wanted most.
  if (format === 'json') return pino.destination({ dest: 2, sync: true });
  const { default: pretty } = await import('pino-pretty');
  return pretty({
    destination: 2,
    sync: true,
    translateTime: 'SYS:HH:MM:ss.l',
    ignore: 'method,path,status,duration,loop,pause',
  });
}

function describeError(error: unknown, causes: number): SerializedError | string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined || causes === 0 ? undefined : describeError(error.cause, causes - 1);
  const code = 'code' in error ? { code: error.code } : {};
  return {
    type: error.name,
    message: error.message,
    stack: error.stack ?? '',
    ...code,
    ...(cause && { cause }),
  } as SerializedError;
}
