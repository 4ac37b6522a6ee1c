// Every password that is under another key than the first is sealed with the first one.
//
// Each is a command of its own, decided and appended at the revision of its gateway's stream: a password that is changed
// meanwhile stays changed, and one that has been sealed anew is left alone. So it may be stopped and run again at any time.
import { gateways } from '../commands/aggregate.ts';
import { type CommandDependencies, handle, type Outcome } from '../commands/handler.ts';
import type { GatewayCommand } from '../domain/gateway.ts';
import { UndecodableEvent } from '../events/codec.ts';
import type { GatewayId } from '../events/ids.ts';
import { uuidv7 } from '../events/new-id.ts';
import { DecryptionError, type Encryption } from '../infrastructure/encryption.ts';
import type { Survey } from './survey.ts';

export interface RotateOptions {
  readonly dependencies: CommandDependencies;
  readonly encryption: Encryption;
  readonly survey: Survey;
  /** Stops it in order: what has been begun is finished. */
  readonly signal: AbortSignal;
  readonly onProgress: (dealtWith: number) => void;
}

export interface Rotated {
  /** Passwords that were sealed anew. */
  readonly sealed: number;
  /** Gateways that were not looked at, because it was stopped. */
  readonly left: number;
  /** Those that are as they were, and why. */
  readonly failures: readonly string[];
}

/** Enough to keep the event store busy, and not so many that it keeps others waiting. */
const atATime = 16;

/** The gateways whose password is under another key than the first. */
export function gatewaysToRotate(survey: Survey, { primaryKeyId }: Encryption): readonly GatewayId[] {
  return [...survey].filter(([, { keyId }]) => keyId !== primaryKeyId).map(([id]) => id);
}

/**
 * Seals the passwords of a survey anew that are not under the first key.
 *
 * @throws EventLogUnavailable; the rest is as it was
 */
export async function rotate(options: RotateOptions): Promise<Rotated> {
  const { encryption, onProgress, signal } = options;
  const waiting = gatewaysToRotate(options.survey, encryption);
  const sender = { actor: 'operator:keys', correlationId: uuidv7() };
  const failing = new AbortController();
  const stopped = AbortSignal.any([signal, failing.signal]);
  const failures: string[] = [];
  let begun = 0;
  let dealtWith = 0;
  let sealed = 0;

  const working = await Promise.allSettled(Array.from({ length: atATime }, work));
  for (const worker of working) if (worker.status === 'rejected') throw worker.reason;
  return { sealed, failures, left: waiting.length - dealtWith };

  async function work(): Promise<void> {
    for (let id = next(); id !== undefined; id = next()) {
      try {
        const outcome = await reencrypt(id);
        if (outcome.outcome === 'accepted') sealed += 1;
        if (outcome.outcome === 'rejected') failures.push(`gateway ${id}: ${outcome.reason}`);
      } catch (error) {
        // What is the matter with one gateway keeps no other one waiting.
        if (!(error instanceof DecryptionError || error instanceof UndecodableEvent)) {
          failing.abort();
          throw error;
        }
        failures.push(reasonOf(error));
      }
      dealtWith += 1;
      onProgress(dealtWith);
    }
  }

  function next(): GatewayId | undefined {
    return stopped.aborted ? undefined : waiting[begun++];
  }

  function reencrypt(id: GatewayId): Promise<Outcome<unknown>> {
    return handle(options.dependencies, gateways, id, sender, async (gateway): Promise<readonly GatewayCommand[]> => {
      const now = gateway.status === 'none' ? undefined : encryption.reseal(gateway.passwordEncrypted, id);
      return [{ type: 'ReencryptGatewayPassword', passwordEncrypted: now }];
    });
  }
}

/** The gateway is named in it, and what to do. */
function reasonOf(error: DecryptionError | UndecodableEvent): string {
  if (error instanceof DecryptionError) return error.message;
  return `${error.message}: a version of the service that can read it can encrypt this password anew`;
}
