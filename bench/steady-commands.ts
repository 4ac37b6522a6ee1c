// Commands at a steady rate over HTTP, and how long after each answer what it says arrives elsewhere.

import { setTimeout as delay } from 'node:timers/promises';

/** A command that was answered: which resource shows it from which revision on. */
export interface Answered {
  readonly id: string;
  readonly revision: bigint;
  readonly at: number;
}

export type Send = (method: string, path: string, body: object) => Promise<Answered>;

const longestWaitMs = 10_000;

/** Sends commands to a service, none of which waits for its tables. */
export function senderTo(url: string): Send {
  return async (method, path, body) => {
    const headers = { 'content-type': 'application/json', prefer: 'respond-async' };
    const answer = await fetch(`${url}${path}`, { method, headers, body: JSON.stringify(body) }).catch(
      (error: Error) => {
        throw new Error(`${method} ${path} was not answered: ${error.cause ?? error}`);
      },
    );
    const at = performance.now();
    const { id } = (await answer.json()) as { readonly id: string };
    if (!answer.ok) throw new Error(`${method} ${path} was answered with ${answer.status}`);
    return { id, revision: BigInt(answer.headers.get('etag')?.replaceAll('"', '') ?? 0), at };
  };
}

/** Commands by turns: a gateway or an organization is made, and then changed. */
export async function commandsOf(send: Send): Promise<() => Promise<Answered>> {
  const organization = await send('POST', '/api/organizations', { name: 'Steady' });
  const factory = await send('POST', '/api/factories', { organization_id: organization.id, name: 'Steady' });
  const made = { gateways: [] as string[], organizations: [] as string[] };
  let count = 0;
  const make = async (kind: keyof typeof made, body: object) => {
    const answered = await send('POST', `/api/${kind}`, body);
    made[kind].push(answered.id);
    return answered;
  };
  const change = (kind: keyof typeof made, name: string) => {
    const id = made[kind].shift();
    return id === undefined ? make('organizations', { name }) : send('PUT', `/api/${kind}/${id}`, { name });
  };
  return () => {
    count += 1;
    const name = `number ${count}`;
    const gateway = {
      factory_id: factory.id,
      gateway_id: `GW-${count}`,
      name,
      url: 'ws://10.0.0.1',
      email: 'a@b.example',
    };
    switch (count % 4) {
      case 0:
        return make('gateways', { ...gateway, password: 'correct horse' });
      case 1:
        return make('organizations', { name });
      case 2:
        return change('gateways', `changed ${count}`);
      default:
        return change('organizations', `changed ${count}`);
    }
  };
}

export interface Arrivals {
  /** The ids of those that are waited for. */
  awaited(): readonly string[];
  arrived(id: string, revision: bigint, at: number): void;
  /** Milliseconds from the answer until it arrived; below 0 when it did before. */
  after(answered: Answered): Promise<number>;
}

/** What arrives by id and revision, and how long after its answer. It may arrive before the answer does. */
export function createArrivals(): Arrivals {
  const last = new Map<string, { readonly revision: bigint; readonly at: number }>();
  const waiting = new Map<
    string,
    { readonly answered: Answered; readonly resolve: (milliseconds: number) => void }[]
  >();
  return {
    awaited: () => [...waiting.keys()],
    arrived(id, revision, at) {
      last.set(id, { revision, at });
      const left = (waiting.get(id) ?? []).filter(({ answered, resolve }) => {
        if (revision < answered.revision) return true;
        resolve(at - answered.at);
        return false;
      });
      if (left.length === 0) waiting.delete(id);
      else waiting.set(id, left);
    },
    after(answered) {
      const arrived = last.get(answered.id);
      if (arrived && arrived.revision >= answered.revision) return Promise.resolve(arrived.at - answered.at);
      return new Promise((resolve, reject) => {
        const late = setTimeout(() => reject(new Error(`${answered.id} did not arrive in time`)), longestWaitMs);
        const entry = {
          answered,
          resolve: (milliseconds: number) => {
            clearTimeout(late);
            resolve(milliseconds);
          },
        };
        waiting.set(answered.id, [...(waiting.get(answered.id) ?? []), entry]);
      });
    },
  };
}

/**
 * Sends at the rate asked for, whatever the answers take: a command is never late because another one is.
 *
 * @returns what `follow` made of each command, and how many a second were sent and followed
 */
export async function sendSteadily<T>(
  { rate, seconds }: { readonly rate: number; readonly seconds: number },
  next: () => Promise<Answered>,
  follow: (answered: Answered) => Promise<T>,
): Promise<{ readonly followed: readonly T[]; readonly perSecond: number }> {
  const started = performance.now();
  const total = Math.ceil(rate * seconds);
  const commands: Promise<T>[] = [];
  while (commands.length < total) {
    const due = Math.min(total, Math.floor(((performance.now() - started) / 1_000) * rate) + 1);
    while (commands.length < due) {
      const command = next().then(follow);
      command.catch(() => undefined);
      commands.push(command);
    }
    await delay(1);
  }
  const followed = await Promise.all(commands);
  return { followed, perSecond: total / ((performance.now() - started) / 1_000) };
}

/** What was there before the answer was there with it: 0 at least. */
export function percentile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return Math.max(0, sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)] ?? Number.NaN);
}
