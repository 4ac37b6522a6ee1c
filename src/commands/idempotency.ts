// How a command is recognized when it is sent again with the same Idempotency-Key. The log is the memory: the command id
// in the events' metadata says which key and which body they are of, and nobody without the secret can tell either.
//
// A command id of a command with a key is `<key>.<body>`: HMAC-SHA-256 (RFC 2104) of whom the key belongs to, and of the
// body too, each cut to 128 bits. Another body is thereby told from the same. The ids of other commands are UUIDs.
import { createHmac } from 'node:crypto';

/** What one command with a key is recognized by. */
export interface Idempotency {
  /** What its events carry. */
  readonly commandId: string;
  /** Whether a command came with the same key from the same caller for the same thing. */
  isOfKey(commandId: string): boolean;
  /** Whether it had the same body as well. */
  isSame(commandId: string): boolean;
}

/** Whom a key belongs to. The same key of another caller, for another command or another resource is another key. */
export interface KeyOwner {
  readonly actor: string;
  readonly command: string;
  /** The id of the resource; undefined for a command that makes one. */
  readonly resource: string | undefined;
}

export interface IdempotencyKeys {
  /** @param input body and query of the command, as JSON that the schemas have let through */
  recognize(owner: KeyOwner, key: string, input: unknown): Idempotency;
  /**
   * The id of what a command with a key makes: under the newest secret first, then what it would have been under each
   * older one.
   */
  idsFor(owner: KeyOwner, key: string): readonly [newest: string, ...older: string[]];
}

/**
 * @param secrets the newest first. With a secret that is gone what was sent under it is forgotten.
 * @throws Error when there is none
 */
export function createIdempotencyKeys(secrets: readonly Buffer[]): IdempotencyKeys {
  const [newest, ...older] = secrets;
  if (newest === undefined) throw new Error('there is no secret to recognize commands by');

  return {
    recognize(owner, key, input) {
      const commandIds = secrets.map((secret) => commandIdOf(secret, owner, key, input));
      const keys = new Set(commandIds.map((commandId) => keyPartOf(commandId)));
      return {
        commandId: commandIds[0] as string,
        isOfKey: (commandId) => keys.has(keyPartOf(commandId)),
        isSame: (commandId) => commandIds.includes(commandId),
      };
    },
    idsFor: (owner, key) => [uuidOf(newest, owner, key), ...older.map((secret) => uuidOf(secret, owner, key))],
  };
}

function commandIdOf(secret: Buffer, owner: KeyOwner, key: string, input: unknown): string {
  return `${digest(secret, ['key', ...of(owner), key])}.${digest(secret, ['body', ...of(owner), key, input])}`;
}

function keyPartOf(commandId: string): string {
  return commandId.split('.', 1)[0] as string;
}

function digest(secret: Buffer, content: readonly unknown[]): string {
  return mac(secret, content).subarray(0, 16).toString('base64url');
}

/** A UUID of version 8 (RFC 9562): its bits are the application's own. */
function uuidOf(secret: Buffer, owner: KeyOwner, key: string): string {
  const bytes = mac(secret, ['id', ...of(owner), key]).subarray(0, 16);
  bytes[6] = ((bytes[6] as number) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80;
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

function of({ actor, command, resource }: KeyOwner): readonly (string | null)[] {
  return [actor, command, resource ?? null];
}

function mac(secret: Buffer, content: readonly unknown[]): Buffer {
  return createHmac('sha256', secret).update(JSON.stringify(content, inOrder)).digest();
}

// Objects are the same whatever the order of their keys, as they are in a jsonb column.
function inOrder(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
