// EventStoreDB: a link is an event of type `$>` whose data reads `<revision>@<stream>`. Resolved, it stands in for the
// event it names; when that cannot be read any more, only the link is left. What does not begin with a number is an event
// like any other when it is read, and a link that leads nowhere when it is delivered live.

import type { ResolvedEvent } from './event-bytes.ts';
import type { RecordedEvent } from './records.ts';
import type { Store } from './store.ts';

export type Resolve = (event: RecordedEvent, isLive?: boolean) => ResolvedEvent;

/** What turns a stored event into what is sent; every event into itself when links are not to be resolved. */
export function resolverOf(store: Store, resolvesLinks: boolean): Resolve {
  return resolvesLinks ? resolve : (event) => ({ event, link: undefined });

  function resolve(event: RecordedEvent, isLive = false): ResolvedEvent {
    if (event.type !== '$>') return { event, link: undefined };
    const [text = '', ...rest] = Buffer.from(event.data).toString('utf8').split('@');
    const revision = int64(text);
    if (revision === undefined) return isLive ? { event: undefined, link: event } : { event, link: undefined };
    return { event: rest.length === 0 ? undefined : target(rest.join('@'), revision), link: event };
  }

  function target(stream: string, revision: bigint): RecordedEvent | undefined {
    return store.visibleEvent(stream, revision === -1n ? store.visibility(stream).last : revision);
  }
}

/** As .NET parses one. */
function int64(text: string): bigint | undefined {
  const [, digits] = /^[\t-\r ]*([+-]?\d+)[\t-\r ]*\0*$/.exec(text) ?? [];
  const number = digits === undefined ? undefined : BigInt(digits);
  return number !== undefined && BigInt.asIntN(64, number) === number ? number : undefined;
}
