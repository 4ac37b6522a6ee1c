import { readFileSync } from 'node:fs';
import { type Category, catalogue, streamPrefix } from '../src/events/catalogue.ts';
import { decode, type Recorded } from '../src/events/codec.ts';
import { contract, type PublishedEvent } from '../src/publishing/contract.ts';

const golden = new URL('../test/golden/', import.meta.url);

interface GoldenFile {
  readonly stored: { readonly data: { readonly id: string }; readonly metadata: object };
}

/**
 * The golden event of a published type as the log would hold it. Its data is that of the file; where it stands is made up.
 *
 * @throws UndecodableEvent
 */
export function goldenEvent(type: PublishedEvent['type'], revision = type.endsWith('Created') ? 0n : 3n): Recorded {
  const { version } = contract[type];
  const category = (Object.keys(catalogue) as Category[]).find((name) => Object.hasOwn(catalogue[name], type));
  if (category === undefined) throw new Error(`no event of the catalogue is called ${type}`);
  const { stored } = JSON.parse(readFileSync(new URL(`${type}.v${version}.json`, golden), 'utf8')) as GoldenFile;
  const commit = 1_000n + revision;
  const event = decode({
    ...stored,
    type,
    stream: `${streamPrefix(category)}${stored.data.id}`,
    revision,
    position: { commit, prepare: commit },
    id: `0194e000-0000-7000-8000-${String(commit).padStart(12, '0')}`,
  });
  if (event === undefined) throw new Error(`no event of the catalogue is called ${type}`);
  return event;
}
