// Looks for secrets in text, in whatever form somebody may have put them there.
import { createHash } from 'node:crypto';

/** A secret found where it must not be. */
export interface Leak {
  readonly where: string;
  readonly form: string;
  /** What stands around it. */
  readonly excerpt: string;
}

/** Something that was said somewhere. */
export interface Said {
  readonly where: string;
  readonly text: string;
}

interface Needle {
  readonly form: string;
  readonly text: string;
}

/**
 * The forms in which a plain word may show up: as it is, in hexadecimal, in base64 within whatever else, or hashed without
 * a key. Letters and digits alone look the same in JSON, a URL, HTML or SQL, so such a word is found in all of these.
 */
export function formsOfWord(word: string): readonly Needle[] {
  if (!/^[A-Za-z0-9]{9,}$/.test(word)) throw new Error('only letters and digits look the same everywhere');
  const hash = (algorithm: string) => createHash(algorithm).update(word);
  return [
    { form: 'plain', text: word },
    { form: 'plain, in capitals', text: word.toUpperCase() },
    { form: 'plain, in small letters', text: word.toLowerCase() },
    { form: 'reversed', text: [...word].reverse().join('') },
    { form: 'UTF-16', text: Buffer.from(word, 'utf16le').toString('latin1') },
    { form: 'hexadecimal', text: Buffer.from(word).toString('hex') },
    ...[0, 1, 2].map((offset) => ({ form: 'base64', text: base64Within(word, offset) })),
    ...['md5', 'sha1', 'sha256', 'sha512'].flatMap((algorithm) => [
      { form: algorithm, text: hash(algorithm).digest('hex') },
      { form: algorithm, text: hash(algorithm).digest('base64').replaceAll('=', '') },
      { form: algorithm, text: hash(algorithm).digest('base64url') },
    ]),
  ];
}

/** What base64 makes of a word in the midst of other bytes: the characters that its neighbours do not change. */
function base64Within(word: string, offset: number): string {
  const before = Math.ceil((offset * 8) / 6);
  const whole = Math.floor(((offset + word.length) * 8) / 6);
  return Buffer.from('\0'.repeat(offset) + word)
    .toString('base64')
    .slice(before, whole);
}

/** A sealed password is recognized by any of the three parts that no other one has. */
export function formsOfSealed(sealed: string): readonly Needle[] {
  const parts = sealed.split('.').slice(2);
  if (parts.length !== 3) throw new Error('this is not a sealed password');
  return parts.flatMap((part) => {
    const bytes = Buffer.from(part, 'base64url');
    return [
      { form: 'sealed', text: part },
      { form: 'sealed, in base64', text: bytes.toString('base64').replaceAll('=', '') },
      { form: 'sealed, in hexadecimal', text: bytes.toString('hex') },
    ];
  });
}

/** Every needle in everything that was said, once for each place. */
export function findLeaks(said: readonly Said[], needles: readonly Needle[]): readonly Leak[] {
  return said.flatMap(({ where, text }) =>
    needles.flatMap(({ form, text: needle }) => {
      const at = text.indexOf(needle);
      if (at < 0) return [];
      return { where, form, excerpt: text.slice(Math.max(0, at - 120), at + needle.length + 40) };
    }),
  );
}
