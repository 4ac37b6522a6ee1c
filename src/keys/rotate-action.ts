import type { Action } from '../actions.ts';
import type { Context } from '../context.ts';
import { grouped } from '../database/progress-bar.ts';
import type { EventLog } from '../events/event-log.ts';
import { createEncryption, type Encryption } from '../infrastructure/encryption.ts';
import type { KeyRing } from '../infrastructure/key-ring.ts';
import { adviceOn } from './advice.ts';
import { surveyWithProgress, withProgress } from './progress.ts';
import { gatewaysToRotate, type Rotated, rotate } from './rotate.ts';
import { unusedKeys } from './standings.ts';
import type { Survey } from './survey.ts';

/** More failures are counted, and not told one by one. */
const mostTold = 10;

export const rotateAction: Action = {
  takes: '',
  help: `Encrypts every password that is under another key with the first one, while the service runs; deleted gateways'
included. Interrupted, it finishes what it has begun; run again, it does the rest. In the end it says which keys can be
taken out. What the events of the past hold stays under the keys of the past.`,
  servers: ['eventStore'],
  run: async ({ context, openLog }) => {
    await using log = openLog();
    const ring = await context.encryptionKeys();
    const encryption = createEncryption(ring);
    const before = await surveyWithProgress(context, log, encryption);
    const waiting = gatewaysToRotate(before, encryption).length;
    if (waiting > 0) tell(await rotateAll(context, log, encryption, before), waiting, encryption, context);
    conclude(waiting > 0 ? await surveyWithProgress(context, log, encryption) : before, ring, context);
  },
};

function rotateAll(context: Context, log: EventLog, encryption: Encryption, survey: Survey): Promise<Rotated> {
  const dependencies = {
    log,
    sealPassword: encryption.seal,
    hasActiveChildren: () => Promise.reject(new Error('a password has no children')),
    now: () => new Date(),
    reservationGrace: 10_000,
  };
  return withProgress(context, gatewaysToRotate(survey, encryption).length, (onProgress) =>
    rotate({ dependencies, encryption, survey, signal: context.stopping, onProgress }),
  );
}

/** @throws Error when it is not done: it was interrupted, or there are passwords that cannot be opened or streams that cannot be read */
function tell({ sealed, left, failures }: Rotated, waiting: number, { primaryKeyId }: Encryption, { logger }: Context) {
  logger.info(`${passwords(sealed)} of ${grouped(waiting)} encrypted with key ${primaryKeyId}`);
  for (const failure of failures.slice(0, mostTold)) logger.error(failure);
  if (left > 0) {
    throw new Error(`Interrupted. For the ${grouped(left)} that are left: npm run keys -- rotate`);
  }
  if (failures.length > 0) {
    throw new Error(
      `${passwords(failures.length)} could not be encrypted anew, as told above (at most ${mostTold}); all others are. ` +
        'Which do not open, and what to do about it, says: npm run keys -- status',
    );
  }
}

/** @throws Error when passwords have come under other keys meanwhile, or do not open with the key that they name */
function conclude(after: Survey, ring: KeyRing, { logger }: Context): void {
  const [{ id: primary }] = ring;
  const others = [...after.values()].filter(({ keyId }) => keyId !== primary);
  if (others.length > 0) {
    const keys = [...new Set(others.map(({ keyId }) => keyId))].join(', ');
    throw new Error(
      `${passwords(others.length)} came under key ${keys} meanwhile: something encrypts with it still. Give every process ` +
        `${primary} as its first key, then once more: npm run keys -- rotate`,
    );
  }
  const closed = [...after.values()].filter(({ opens }) => !opens).length;
  if (closed > 0) {
    throw new Error(
      [
        `${passwords(closed)} under key ${primary} cannot be opened. Which gateways they are of says: npm run keys -- status`,
        ...adviceOn(after, ring),
      ].join('\n'),
    );
  }
  logger.info(`Every password is encrypted with key ${primary}`);
  const unused = unusedKeys(after, ring);
  if (unused.length === 0) return;
  logger.info(
    `No current password needs ${unused.join(', ')} any more. Where they are set (ENCRYPTION_KEYS, ENCRYPTION_KEY, or ` +
      'encryption.key in DATA_DIR) they can be taken out, unless something encrypts with them still. What events of the ' +
      'past hold can then be opened by nobody, and commands that were sent with an Idempotency-Key under them are forgotten: ' +
      'leave them in for as long as clients may send such a command again.',
  );
}

function passwords(number: number): string {
  return `${grouped(number)} ${number === 1 ? 'password' : 'passwords'}`;
}
