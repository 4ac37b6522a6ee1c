// The bucket of gateways, watched: what is there, then what changes.
import type { NatsConnection } from 'nats';
import type { GatewayChange } from './gateway-change.ts';
import { createGatewayFold } from './gateway-fold.ts';
import { persist } from './persist.ts';
import { listen, type PushSettings } from './push.ts';
import { tokenOf } from './subject.ts';
import type { Trouble, TroubleListener } from './trouble.ts';

export interface WatchOptions {
  /** Only the gateways of this organization. */
  readonly organization?: string;
  /** Only the gateways in this factory: one that is moved elsewhere disappears. */
  readonly factory?: string;
  /** Ends the iteration. */
  readonly signal?: AbortSignal;
  readonly onTrouble?: TroubleListener;
}

const prefix = '$KV.gateways.';

/**
 * The gateways that there are, then each change, until the signal aborts or the loop is left. Who is slow is told fewer steps
 * between, never an old state: a gateway that has changed twice since is told once.
 *
 * @throws SubscriptionFailed here, when an option cannot be; out of the iteration, when no new try can help
 */
export function watchGateways(nats: NatsConnection, options: WatchOptions = {}): AsyncIterable<GatewayChange> {
  const organization = tokenOf('organization', options.organization);
  const factory = tokenOf('factory', options.factory);
  const place = factory === '*' ? `${organization}.>` : `${organization}.${factory}.>`;
  const filter = `${prefix}${place === '*.>' ? '>' : place}`;
  const settings: PushSettings = { stream: 'KV_gateways', filter, start: 'last-per-subject' };
  return { [Symbol.asyncIterator]: () => watch(nats, settings, factory !== '*', options) };
}

async function* watch(
  nats: NatsConnection,
  settings: PushSettings,
  leavesByMove: boolean,
  { signal, onTrouble }: WatchOptions,
): AsyncGenerator<GatewayChange, void> {
  const leaving = new AbortController();
  const ending = signal === undefined ? leaving.signal : AbortSignal.any([signal, leaving.signal]);
  const fold = createGatewayFold(leavesByMove);
  const troubles: Trouble[] = [];
  let wake = Promise.withResolvers<void>();
  let isOver = false;
  const listening = persist(nats, { signal: ending, onTrouble }, hear);
  // What has ended it is thrown from the loop below, not before somebody asks. To race against it with each wait would keep all
  // that has ever waited in memory.
  listening.then(end, end);
  try {
    while (!ending.aborted) {
      for (const trouble of troubles.splice(0)) onTrouble?.(trouble);
      const change = fold.next();
      if (change !== undefined) yield change;
      else if (isOver) await listening;
      else {
        await wake.promise;
        wake = Promise.withResolvers();
      }
    }
  } finally {
    leaving.abort();
    // Who leaves is not told what would have ended it.
    await listening.catch(() => undefined);
  }

  function end(): void {
    isOver = true;
    wake.resolve();
  }

  function hear(healthy: () => void): Promise<void> {
    fold.begin();
    let isToldBehind = false;
    const heard = () => {
      healthy();
      if (fold.isBehind() && !isToldBehind) {
        isToldBehind = true;
        troubles.push({
          kind: 'behind',
          message: 'the bucket is older than what is known, and is being filled',
          retryIn: 0,
        });
      }
      wake.resolve();
    };
    return listen(
      nats,
      settings,
      {
        heard(message) {
          const key = message.subject.slice(prefix.length);
          if (!fold.take({ ...message, key })) {
            troubles.push({ kind: 'unreadable', message: `what is under ${key} is no gateway`, retryIn: 0 });
          }
          heard();
        },
        empty() {
          fold.empty();
          heard();
        },
        // Whatever stands before it is folded already.
        flow: (answer) => answer(),
      },
      ending,
    );
  }
}
