// EventStoreDB: filters of $all. A regular expression is .NET's and searches anywhere; without one the prefixes count,
// and no prefix matches nothing. The server's own bookkeeping streams are never part of $all.

import { dotNetRegex } from './dotnet-regex.ts';
import type { RecordedEvent } from './records.ts';

export type Filter = (event: Pick<RecordedEvent, 'stream' | 'type'>) => boolean;

/** A filter of $all, and how often its subscriber hears how far it got. */
export interface FilterWindow {
  readonly filter: Filter;
  /** How many events the real server looks at in one read while it catches up. */
  readonly window: number;
  /** How many events are considered from one checkpoint to the next. */
  readonly checkpointInterval: number;
}

/** What to look at, and what for: `prefixes` count only when `regex` is empty. */
export interface FilterExpression {
  readonly on: 'stream' | 'type';
  readonly regex: string;
  readonly prefixes: readonly string[];
}

const hiddenFromAll = /^(?:\$epoch-information$|\$persistentsubscription-\$all::.*-(?:checkpoint|parked)$)/s;

/** False for the streams in which the real server keeps its epoch and its persistent subscriptions to $all. */
export function isPartOfAll(event: Pick<RecordedEvent, 'stream'>): boolean {
  return !(event.stream.startsWith('$') && hiddenFromAll.test(event.stream));
}

/**
 * The test that an expression stands for. Throws a SyntaxError for what is not a regular expression, and another Error for
 * one that only .NET knows.
 */
export function filterOf({ on, regex, prefixes }: FilterExpression): Filter {
  if (regex === '') return (event) => prefixes.some((prefix) => event[on].startsWith(prefix));
  const matches = dotNetRegex(regex);
  return (event) => matches(event[on]);
}
