// How many passwords are under which key, for people.
import { grouped } from '../database/progress-bar.ts';
import type { KeyRing } from '../infrastructure/key-ring.ts';
import type { Survey } from './survey.ts';

export interface KeyCount {
  /** Undefined for what is no sealed password. */
  readonly keyId: string | undefined;
  readonly isHere: boolean;
  readonly passwords: number;
  /** Those among them that the keys here do not open. */
  readonly closed: number;
}

/** A count for each key of the ring, in its order, and then for every other one that some password is under. */
export function countByKey(survey: Survey, ring: KeyRing): readonly KeyCount[] {
  const here = ring.map(({ id }): string | undefined => id);
  const counts = new Map(here.map((keyId) => [keyId, { keyId, isHere: true, passwords: 0, closed: 0 }]));
  for (const { keyId, opens } of survey.values()) {
    const count = counts.get(keyId) ?? { keyId, isHere: false, passwords: 0, closed: 0 };
    counts.set(keyId, count);
    count.passwords += 1;
    if (!opens) count.closed += 1;
  }
  return [...counts.values()];
}

/** The keys that can be taken out: they do not encrypt, and no current password is under them. */
export function unusedKeys(survey: Survey, ring: KeyRing): readonly string[] {
  const [, ...others] = countByKey(survey, ring).filter(({ isHere }) => isHere);
  return others.filter(({ passwords }) => passwords === 0).flatMap(({ keyId }) => keyId ?? []);
}

/** A line for each count. */
export function renderCounts(counts: readonly KeyCount[]): string {
  const rows = counts.map((count, place) => [nameOf(count), grouped(count.passwords), meaningOf(count, place === 0)]);
  const [wide = 0, high = 0] = [0, 1].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0), 9));
  return [['key', 'passwords', ''], ...rows]
    .map(([key = '', passwords = '', meaning]) =>
      `${key.padEnd(wide)}  ${passwords.padStart(high)}  ${meaning}`.trimEnd(),
    )
    .join('\n');
}

function nameOf({ keyId }: KeyCount): string {
  return keyId ?? '(none)';
}

function meaningOf({ keyId, isHere, passwords, closed }: KeyCount, isFirst: boolean): string {
  if (keyId === undefined) return 'what is stored is no encrypted password';
  if (!isHere) return 'NOT IN THE RING: these passwords cannot be opened';
  const role = isFirst ? 'encrypts' : 'decrypts';
  if (closed > 0) return `${role}, but ${grouped(closed)} of them do not open: was it another key under this id?`;
  return !isFirst && passwords === 0 ? 'not needed any more' : role;
}
