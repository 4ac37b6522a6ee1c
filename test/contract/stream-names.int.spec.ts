// What a stream may be called, and that streams whose names differ in anything are different streams.
import { NO_STREAM, WrongExpectedVersionError } from '@eventstore/db-client';
import { expect, it } from 'vitest';
import { appendPaths, aStream, numbered, numbersOf, read, useEventStore } from './support.ts';

const store = useEventStore();

const endings = ['', ' ', '  ', 'a', 'A', 'a@b', '@', '%', '%25', '..', '/..', '$', '$all', 'é', 'e\u0301', '漢', '😀'];
/** As long as the longest device id, percent-encoded. */
const long = '%F0%9F%98%80'.repeat(255);

it.each(appendPaths)('A name may hold any characters, and each is told apart: by $path', async ({ via }) => {
  const start = aStream();
  const names = [...endings, long, `${long}.`].map((ending) => `${start}-${ending}`);
  for (const [n, name] of names.entries()) {
    await store.client.appendToStream(name, [numbered(n)], { expectedRevision: NO_STREAM, ...via });
  }
  for (const [n, name] of names.entries()) {
    expect(numbersOf(await read(store.client.readStream(name)))).toEqual([n]);
    const again = store.client.appendToStream(name, [numbered(n)], { expectedRevision: NO_STREAM, ...via });
    await expect(again).rejects.toThrow(WrongExpectedVersionError);
  }
});
