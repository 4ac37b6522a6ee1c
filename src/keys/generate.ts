import { randomBytes } from 'node:crypto';
import type { Action } from '../actions.ts';

export const generateAction: Action = {
  takes: '',
  help: `Makes a new key and prints it as an entry for ENCRYPTION_KEYS, alone on standard output; how to put it to use is said on
standard error. To pipe it: npm run keys --silent -- generate`,
  servers: [],
  run: async () => {
    console.log(newEntry(new Date()));
    console.error(`
This is an entry for ENCRYPTION_KEYS, and a secret. Keep a copy apart from the data: nothing else opens the passwords.
  1. Put it first, before the entries that are there: ENCRYPTION_KEYS=<new>,<old>. What is in ENCRYPTION_KEY, or in DATA_DIR
     with an embedded event store, may stay where it is. Where several processes serve, put it last everywhere to begin
     with, and then first: none of them meets a password then that it cannot open.
  2. Restart the service: new passwords are encrypted with the new key, and those of the old keys open still.
  3. npm run keys -- rotate encrypts the others with it, and then says which keys can be taken out.`);
  },
};

/** A key that nobody has yet, `id:base64`. Its id says when it was made. */
export function newEntry(now: Date): string {
  const id = `${now.toISOString().slice(0, 10)}-${randomBytes(3).toString('hex')}`;
  return `${id}:${randomBytes(32).toString('base64')}`;
}
