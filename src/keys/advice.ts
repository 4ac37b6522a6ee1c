// What to do about passwords that do not open, for people.
import type { KeyRing } from '../infrastructure/key-ring.ts';
import { countByKey } from './standings.ts';
import type { Survey } from './survey.ts';

/** A sentence or more for each reason why passwords of a survey do not open; none when all of them do. */
export function adviceOn(survey: Survey, ring: KeyRing): readonly string[] {
  const closed = countByKey(survey, ring).filter((count) => count.closed > 0);
  const missing = closed.filter(({ isHere }) => !isHere).flatMap(({ keyId }) => keyId ?? []);
  const wrong = closed.filter(({ isHere }) => isHere).flatMap(({ keyId }) => keyId ?? []);
  const isNone = closed.some(({ keyId }) => keyId === undefined);
  return [
    ...(missing.length > 0 ? [`Add to ENCRYPTION_KEYS what is missing: ${missing.join(', ')}.`] : []),
    ...wrong.map(adviceOnWrong),
    ...(isNone
      ? [
          'What is no encrypted password, as far as this version can tell: run a newer version of the service, if one wrote it, ' +
            'or set the password anew.',
        ]
      : []),
  ];
}

// Two keys cannot be in one ring under one id, and what they have sealed names no other.
function adviceOnWrong(key: string): string {
  return (
    `Key ${key} is here and does not open all that is under its id: another key has had this id, or they were altered. If ` +
    `the other one is the right one, put it in the place of this one. If passwords are under both, put a third key in front (npm ` +
    `run keys -- generate), and run npm run keys -- rotate twice: with the one as ${key} behind it, and with the other.`
  );
}
