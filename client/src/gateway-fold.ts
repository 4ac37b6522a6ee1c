// What a watcher knows of the gateways, and what it still has to tell. Messages of the bucket go in, changes come out. Pure.
import type { Gateway } from './contract.ts';
import type { GatewayChange } from './gateway-change.ts';

/** A message of the bucket. */
export interface BucketMessage {
  /** `<organization>.<factory>.<gateway>` */
  readonly key: string;
  header(name: string): string | undefined;
  text(): string;
  /** How many are left behind it at present. */
  readonly pending: number;
}

export interface GatewayFold {
  /** All that is in the bucket is to come from now on, whatever came before. */
  begin(): void;
  /** False when it is none of the registry's; then it changes nothing. */
  take(message: BucketMessage): boolean;
  /** There is nothing in the bucket. */
  empty(): void;
  /** Whether all that was in the bucket has come, and it is older than what was known before: it is being filled again. */
  isBehind(): boolean;
  /** What is to be told next; undefined when there is nothing. */
  next(): GatewayChange | undefined;
}

interface Known {
  readonly gateway: Gateway;
  /** The listing in which it was seen last. */
  readonly listing: number;
}

/**
 * A fold that knows nothing yet. It holds one gateway for each that is there, and one more for each change that was not told yet:
 * what changes several times before it is told is told once.
 *
 * @param leavesByMove whether a gateway can leave what is watched by a move
 */
export function createGatewayFold(leavesByMove: boolean): GatewayFold {
  const known = new Map<string, Known>();
  /** How each gateway was when it was told last; undefined when it was not there. In the order of telling. */
  const untold = new Map<string, Gateway | undefined>();
  /** In place of an id: all that stands before it has to be told first. */
  const mark = '';
  let listing = 0;
  let isSettled = false;
  let isListed = false;
  /** Where in the log the newest message stands that was ever seen. */
  let horizon: bigint | undefined;
  let isReached = true;

  return {
    begin() {
      listing += 1;
      isListed = false;
      isSettled = false;
      isReached = horizon === undefined;
      untold.delete(mark);
    },
    take(message) {
      const isPast = look(positionOf(message));
      const taken = message.header('KV-Operation') === undefined ? put(message, isPast) : purge(message);
      if (message.pending === 0) settle();
      return taken;
    },
    empty: settle,
    isBehind: () => isListed && !isSettled,
    next() {
      for (const [id, before] of untold) {
        untold.delete(id);
        const change = id === mark ? ({ type: 'current' } as const) : changeOf(before, known.get(id)?.gateway);
        if (change !== undefined) return change;
      }
      return undefined;
    },
  };

  /** Takes notice of a position; true when it is older than what was seen before. */
  function look(position: bigint | undefined): boolean {
    if (position === undefined) return false;
    const isPast = horizon !== undefined && position < horizon;
    if (!isPast) {
      horizon = position;
      isReached = true;
    }
    return isPast && !isReached;
  }

  function put(message: BucketMessage, isPast: boolean): boolean {
    const gateway = gatewayIn(message);
    if (gateway === undefined) return false;
    const { id } = gateway;
    const before = known.get(id);
    // Whatever of the past is not known has gone since.
    if (before === undefined && isPast) return true;
    const isNews = before === undefined || isNewer(gateway, before.gateway);
    if (isNews) note(id, before);
    known.set(id, { gateway: isNews ? gateway : before.gateway, listing });
    return true;
  }

  function purge(message: BucketMessage): boolean {
    const id = message.key.slice(message.key.lastIndexOf('.') + 1);
    const before = known.get(id);
    if (before === undefined) return true;
    const { revision, isMove } = originOf(message, id);
    if (revision !== undefined && revision < before.gateway.revision) return true;
    const isItsKey = message.key === keyOf(before.gateway);
    // A value that was replaced before it came here may have been under a key that was never seen.
    const isNews = revision !== undefined && revision > before.gateway.revision;
    if (isMove ? isItsKey && leavesByMove : isItsKey || isNews) remove(id, before);
    return true;
  }

  function remove(id: string, before: Known): void {
    note(id, before);
    known.delete(id);
  }

  function note(id: string, before: Known | undefined): void {
    if (!untold.has(id)) untold.set(id, before?.gateway);
  }

  /** Nothing is left in the bucket just now: what was not seen is not there, unless the bucket is still being filled. */
  function settle(): void {
    isListed = true;
    if (isSettled || !isReached) return;
    isSettled = true;
    for (const [id, before] of known) if (before.listing !== listing) remove(id, before);
    untold.set(mark, undefined);
  }
}

function changeOf(before: Gateway | undefined, gateway: Gateway | undefined): GatewayChange | undefined {
  if (before === undefined) return gateway && { type: 'appeared', gateway };
  if (gateway === undefined) return { type: 'disappeared', gateway: before };
  return isSame(before, gateway) ? undefined : { type: 'changed', gateway, before };
}

/** The same revision with another value is a correction. */
function isNewer(gateway: Gateway, before: Gateway): boolean {
  return gateway.revision >= before.revision && !isSame(gateway, before);
}

/** The registry writes the fields always in the same order. */
function isSame(one: Gateway, other: Gateway): boolean {
  return one === other || JSON.stringify(one) === JSON.stringify(other);
}

function keyOf({ organization_id, factory_id, id }: Gateway): string {
  return `${organization_id}.${factory_id}.${id}`;
}

function positionOf(message: BucketMessage): bigint | undefined {
  const text = message.header('registry-position') ?? '';
  return /^\d+$/.test(text) ? BigInt(text) : undefined;
}

/** What the headers say of the event of the gateway behind a message; nothing when that is another's, or a stranger's. */
function originOf(message: BucketMessage, id: string) {
  const isItsOwn = message.header('registry-stream') === `gateway-${id}`;
  const revision = message.header('registry-revision') ?? '';
  if (!isItsOwn || !/^\d+$/.test(revision)) return { revision: undefined, isMove: false };
  return { revision: Number(revision), isMove: message.header('registry-step') === '2/2' };
}

/** The value under a key; undefined when it cannot be what the registry writes. */
function gatewayIn(message: BucketMessage): Gateway | undefined {
  const value = parse(message.text());
  if (typeof value !== 'object' || value === null) return undefined;
  const gateway = value as Gateway;
  return keyOf(gateway) === message.key && Number.isSafeInteger(gateway.revision) ? gateway : undefined;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
