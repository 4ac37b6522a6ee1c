// A consumer of one's own that sends what there is, in order: ended by whatever could have cost a message, and gone afterwards.
import {
  AckPolicy,
  type ConsumerConfig,
  DeliverPolicy,
  type Msg,
  type NatsConnection,
  nanos,
  nuid,
  ReplayPolicy,
} from 'nats';
import { Interruption, notAllowed } from './faults.ts';
import { heartbeat, inboxOf, managerOf, readStored, type Stored, watchSilence } from './jetstream.ts';
import { lineOf } from './line.ts';

export interface PushSettings {
  readonly stream: string;
  readonly filter: string;
  readonly start: 'all' | 'new' | 'last' | 'last-per-subject' | { readonly sequence: number };
}

/** Called by the library while it reads: none of it may throw. */
export interface PushListener {
  heard(message: Stored): void;
  /** There is a consumer, and nothing for it so far. */
  empty(): void;
  /** The server sends no more until it has the answer: more than it may owe a connection would cost the connection. */
  flow(answer: () => void): void;
}

/** Milliseconds without anyone listening after which the server removes a consumer by itself. */
const inactiveThreshold = 5_000;

const deleteTime = 1_000;

/**
 * Listens until the signal aborts. Afterwards there is neither a subscription nor, if NATS can be reached, a consumer.
 *
 * @throws Interruption when a message may have been missed
 * @throws NatsError when the consumer cannot be made
 */
export async function listen(
  nats: NatsConnection,
  settings: PushSettings,
  listener: PushListener,
  signal: AbortSignal,
): Promise<void> {
  const line = lineOf(nats);
  if (!line.isUp()) throw new Interruption('unavailable', 'there is no connection to NATS');
  const name = `client-${nuid.next()}`;
  const inbox = inboxOf(nats);
  const ended = Promise.withResolvers<void>();
  const silent = watchSilence(() => lose('nothing was heard of the consumer'));
  let delivered = 0;
  const subscription = nats.subscribe(inbox, {
    callback: (error, message) => {
      silent.heard();
      if (error === null) take(message);
      else ended.reject(error);
    },
  });
  const disconnected = () => lose('the connection to NATS was lost');
  const denied = (subject: string) => {
    if (subject.startsWith(`$JS.FC.${settings.stream}.${name}.`)) ended.reject(notAllowed(subject));
  };
  line.changes.once('lost', disconnected);
  line.changes.on('denied', denied);
  signal.addEventListener('abort', abort);
  if (signal.aborted) abort();
  try {
    const adding = addConsumer();
    await Promise.race([ended.promise, adding]);
    if (!signal.aborted && (await adding)) listener.empty();
    await ended.promise;
  } finally {
    silent.rest();
    line.changes.off('lost', disconnected);
    line.changes.off('denied', denied);
    signal.removeEventListener('abort', abort);
    if (!subscription.isClosed() && !nats.isClosed()) subscription.unsubscribe();
    await removeConsumer();
  }

  function abort(): void {
    ended.resolve();
  }

  function lose(message: string): void {
    ended.reject(new Interruption('interrupted', message));
  }

  /** Whether there is nothing for it. */
  async function addConsumer(): Promise<boolean> {
    const manager = await managerOf(nats);
    const added = await manager.consumers.add(settings.stream, configOf(settings, name, inbox));
    silent.heard();
    return added.num_pending === 0 && added.delivered.consumer_seq === 0;
  }

  // One that stays is removed by the server as soon as it notices that nobody listens.
  async function removeConsumer(): Promise<void> {
    if (!line.isUp() || nats.isClosed() || nats.isDraining()) return;
    try {
      const manager = await managerOf(nats, deleteTime);
      await manager.consumers.delete(settings.stream, name);
    } catch {
      // It is gone already, or it is not for us to remove, or nobody answers.
    }
  }

  function take(message: Msg): void {
    const stored = readStored(message);
    if (stored === undefined) {
      takeStatus(message);
    } else if (stored.delivery === delivered + 1) {
      delivered = stored.delivery;
      listener.heard(stored);
    } else {
      lose('a message was lost on its way');
    }
  }

  function takeStatus({ headers, reply = '' }: Msg): void {
    const last = headers?.get('Nats-Last-Consumer') ?? '';
    if (headers?.code !== 100) lose(`the consumer was ended: ${headers?.status || 'no reason given'}`);
    else if (reply !== '') listener.flow(() => answer(reply));
    else if (last !== '' && Number(last) !== delivered) lose('a message was lost on its way');
  }

  function answer(subject: string): void {
    if (line.isUp() && !nats.isClosed()) nats.publish(subject);
  }
}

function configOf({ filter, start }: PushSettings, name: string, inbox: string): Partial<ConsumerConfig> {
  return {
    name,
    deliver_subject: inbox,
    filter_subject: filter,
    ack_policy: AckPolicy.None,
    max_deliver: 1,
    mem_storage: true,
    num_replicas: 1,
    replay_policy: ReplayPolicy.Instant,
    idle_heartbeat: nanos(heartbeat),
    inactive_threshold: nanos(inactiveThreshold),
    flow_control: true,
    ...startOf(start),
  };
}

function startOf(start: PushSettings['start']): Pick<ConsumerConfig, 'deliver_policy' | 'opt_start_seq'> {
  if (typeof start === 'object') return { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: start.sequence };
  return { deliver_policy: policies[start] };
}

const policies = {
  all: DeliverPolicy.All,
  new: DeliverPolicy.New,
  last: DeliverPolicy.Last,
  'last-per-subject': DeliverPolicy.LastPerSubject,
} as const;
