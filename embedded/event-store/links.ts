// EventStoreDB: a link is an event of type `$>` whose data reads `<revision>@<stream>`. Resolved, it stands in for the
// event it names; when that cannot be read any more, only the link is left.

import type { RecordedEvent } from './records.ts';
import type { Store } from './store.ts';
import type { ResolvedEvent } from './wire.ts';

export type Resolve = (event: RecordedEvent) => ResolvedEvent;

const number = /^[+-]?\d+$/;

/** What turns a stored event into what is sent; every event into itself when links are not to be resolved. */
export function resolverOf(store: Store, resolvesLinks: boolean): Resolve {
  return resolvesLinks ? (event) => resolve(store, event) : (event) => ({ event, link: undefined });
}

function resolve(store: Store, event: RecordedEvent): ResolvedEvent {
  const target = event.type === '$>' ? targetOf(event.data) : undefined;
  if (!target) return { event, link: undefined };
  return { event: store.visibleEvent(target.stream, target.revision), link: event };
}

function targetOf(data: Uint8Array): { readonly stream: string; readonly revision: bigint } | undefined {
  const text = Buffer.from(data).toString('utf8');
  const at = text.indexOf('@');
  if (at <= 0 || !number.test(text.slice(0, at))) return undefined;
  const revision = BigInt(text.slice(0, at));
  // As the real server parses it: what does not fit into 64 bits is no number.
  return BigInt.asIntN(64, revision) === revision ? { stream: text.slice(at + 1), revision } : undefined;
}
