// COPY … FROM STDIN in text format, over the driver's own connection.
import type pg from 'pg';

const bytesPerMessage = 64 * 1024;
const lineEnd = 10;

/** What the driver has, and its types do not tell: https://node-postgres.com knows it as a submittable. */
interface DriverConnection {
  readonly stream: NodeJS.WritableStream & { readonly writableNeedDrain: boolean };
  query(text: string): void;
  sendCopyFromChunk(chunk: Buffer): void;
  endCopyFrom(): void;
  sendCopyFail(reason: string): void;
}

/**
 * Sends lines, each without its end, into a table, and resolves when the table has them. The connection must not be one
 * that pipelines queries.
 *
 * @param into a table and its columns: `gateways (id, name)`
 * @throws what the server says of the lines
 */
export function copyLines(client: pg.Client, into: string, lines: Iterable<string>): Promise<void> {
  return new Promise((resolve, reject) => {
    let failed = false;
    const copy = {
      submit: (connection: DriverConnection) => connection.query(`COPY ${into} FROM STDIN`),
      handleCopyInResponse(connection: DriverConnection) {
        send(connection, lines, () => failed).catch((error: unknown) => {
          connection.sendCopyFail(error instanceof Error ? error.message : String(error));
        });
      },
      handleCommandComplete: () => undefined,
      handleReadyForQuery: () => resolve(),
      handleError(error: Error) {
        failed = true;
        reject(error);
      },
      // As for any query whose connection is lost, the driver calls `handleError` or this.
      callback: (error: Error | null) => error && reject(error),
    };
    client.query(copy as unknown as pg.Submittable);
  });
}

async function send(connection: DriverConnection, lines: Iterable<string>, failed: () => boolean): Promise<void> {
  // One for all messages, as the driver copies it: garbage of this size would be collected late.
  let buffer = Buffer.allocUnsafe(bytesPerMessage);
  let used = 0;
  const flush = () => {
    if (used > 0) connection.sendCopyFromChunk(buffer.subarray(0, used));
    used = 0;
  };
  for (const line of lines) {
    // A character of a string takes three bytes at most.
    const most = line.length * 3 + 1;
    if (used + most > buffer.length) {
      flush();
      if (most > buffer.length) buffer = Buffer.allocUnsafe(most);
      if (connection.stream.writableNeedDrain) await drained(connection.stream);
      // The server has refused a line, and will hear no more of them.
      if (failed()) return;
    }
    used += buffer.write(line, used);
    buffer[used++] = lineEnd;
  }
  flush();
  if (!failed()) connection.endCopyFrom();
}

function drained(stream: NodeJS.WritableStream): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      for (const event of ['drain', 'close', 'error']) stream.off(event, done);
      resolve();
    };
    for (const event of ['drain', 'close', 'error']) stream.on(event, done);
  });
}

/** A text that no table takes, which is not to be replaced by one that it does. */
export class NotWellFormed extends Error {
  override readonly name = 'NotWellFormed';
}

/**
 * A value as COPY reads it: null, a text, or a JSON object.
 *
 * @throws NotWellFormed for half a surrogate pair, which would arrive as another character
 */
export function copyField(value: string | object | null): string {
  if (value === null) return '\\N';
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  if (!text.isWellFormed()) throw new NotWellFormed('a text has half a surrogate pair');
  return special.test(text) ? text.replace(everySpecial, (character) => escapes[character] ?? character) : text;
}

const special = /[\\\t\n\r]/;
const everySpecial = /[\\\t\n\r]/g;
const escapes: Readonly<Record<string, string>> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' };
