// Events by a durable consumer, which the server remembers: one at a time, so that they stay in order whatever comes again.
import { AckPolicy, type ConsumerConfig, type ConsumerInfo, DeliverPolicy, type NatsConnection, nanos } from 'nats';
import { createDeliveries } from './deliveries.ts';
import { type Delivery, deliveryOf } from './delivery.ts';
import { checkOpen, isConsumerMissing, isStreamMissing } from './faults.ts';
import { managerOf, type Stored } from './jetstream.ts';
import { createBackOff } from './persist.ts';
import { createProgress } from './progress.ts';
import { acknowledgeTime, openPull } from './pull.ts';
import { createRevisions } from './revisions.ts';
import type { SubscribeOptions } from './subscribe-options.ts';
import { SubscriptionFailed } from './trouble.ts';

/** Nanoseconds that the clocks of two servers may differ. */
const clockTolerance = 60_000_000_000n;

/**
 * Each event at least once, in order, until the signal aborts. What was handed out is acknowledged when the next one is asked for.
 * What this iteration has acknowledged it hands out no second time.
 */
export async function* durableEvents(
  nats: NatsConnection,
  place: { readonly stream: string; readonly filter: string },
  durable: string,
  { from, signal = new AbortController().signal, onTrouble }: SubscribeOptions,
): AsyncGenerator<Delivery, void> {
  const revisions = createRevisions();
  const deliveries = createDeliveries();
  const progress = createProgress();
  const backOff = createBackOff(nats, { signal, onTrouble });
  checkOpen(nats);
  const pull = openPull(nats, place.stream, durable);
  let isThere = false;
  /** Whether there was a stream, or a consumer, when it began; undefined as long as that is not known. */
  let wasThere: boolean | undefined;
  let isBehindTold = false;
  try {
    while (!signal.aborted) {
      const message = await nextMessage();
      if (message === undefined) continue;
      if (!deliveries.take(message)) revisions.forget();
      if (progress.isRepeated(message)) {
        if (progress.isRefill(message)) tellBehind();
        pull.acknowledge(message);
        continue;
      }
      isBehindTold = false;
      const delivery = readDelivery(message);
      if (delivery !== undefined) yield delivery;
      pull.acknowledge(message);
      progress.done(message);
    }
  } finally {
    pull.close();
  }

  async function nextMessage(): Promise<Stored | undefined> {
    try {
      if (!isThere && (await ensureConsumer(nats, place, durable, start))) deliveries.begin();
      isThere = true;
      wasThere ??= true;
      const message = await pull.next(signal);
      backOff.healthy();
      return message;
    } catch (error) {
      isThere = false;
      if (isStreamMissing(error)) wasThere ??= false;
      await backOff.failed(error);
      return undefined;
    }
  }

  /** Where a consumer starts that is made now. */
  function start(): Start {
    // What comes into a stream that was not there is new.
    return startOf(from === 'new' && wasThere === false ? 'start' : from, progress.last()?.storedAt);
  }

  function tellBehind(): void {
    if (!isBehindTold)
      onTrouble?.({
        kind: 'behind',
        message: 'the stream is filled anew: what is older than what was told is left out',
        retryIn: 0,
      });
    isBehindTold = true;
  }

  function readDelivery(message: Stored): Delivery | undefined {
    const delivery = deliveryOf(message, revisions);
    if (delivery === undefined) {
      const { sequence, subject } = message;
      const text = `message ${sequence} on ${subject} is no event of the registry`;
      onTrouble?.({ kind: 'unreadable', message: text, retryIn: 0 });
    }
    return delivery;
  }
}

type Start = Pick<ConsumerConfig, 'deliver_policy' | 'opt_start_seq' | 'opt_start_time'>;

/**
 * A durable that was lost goes on by the time at which the last message was stored: when the stream was made anew, too, all in it
 * is later, and what was acknowledged before is known by its position.
 */
function startOf(from: SubscribeOptions['from'], lastStoredAt: bigint | undefined): Start {
  if (lastStoredAt !== undefined) {
    const time = new Date(Number((lastStoredAt - clockTolerance) / 1_000_000n)).toISOString();
    return { deliver_policy: DeliverPolicy.StartTime, opt_start_time: time };
  }
  if (from === 'start') return { deliver_policy: DeliverPolicy.All };
  if (from === 'new') return { deliver_policy: DeliverPolicy.New };
  return { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: from.after + 1 };
}

/**
 * Whether it had to be made.
 *
 * @throws SubscriptionFailed when somebody has made it for something else
 */
async function ensureConsumer(
  nats: NatsConnection,
  { stream, filter }: { readonly stream: string; readonly filter: string },
  durable: string,
  start: () => Start,
): Promise<boolean> {
  const { consumers } = await managerOf(nats);
  const settings = {
    filter_subject: filter,
    ack_policy: AckPolicy.Explicit,
    max_ack_pending: 1,
    ack_wait: nanos(acknowledgeTime),
    max_deliver: -1,
  };
  try {
    checkSettings(await consumers.info(stream, durable), settings);
    return false;
  } catch (error) {
    if (!isConsumerMissing(error)) throw error;
    await consumers.add(stream, { ...settings, ...start(), durable_name: durable });
    return true;
  }
}

/** @throws SubscriptionFailed when somebody has made it for something else */
function checkSettings({ name, config }: ConsumerInfo, settings: Partial<ConsumerConfig>): void {
  const names = Object.keys(settings) as (keyof ConsumerConfig)[];
  const differences = names
    .filter((key) => config[key] !== settings[key])
    .map((key) => `${key} is ${config[key]} and must be ${settings[key]}`);
  if (config.deliver_subject !== undefined) differences.push('it sends by itself, and must be asked');
  if (differences.length === 0) return;
  const told = `the durable consumer ${name} has other settings than these options: ${differences.join('; ')}`;
  throw new SubscriptionFailed('OPTIONS_INVALID', told);
}
