// given(what the log has told).when(an event).then(what follows): the grammar of the cascade's specs.
import { expect } from 'vitest';
import type { RegistryEvent } from '../../src/events/catalogue.ts';
import { decode } from '../../src/events/codec.ts';
import {
  type CascadeEvent,
  correlate,
  evolve,
  noPast,
  type ParentEvent,
  type Past,
  type Reaction,
  react,
} from '../../src/processes/cascade.ts';
import type { Parent } from '../../src/queries/children.ts';
import { storedInOrder } from './examples.ts';

/** Specifications of what follows from an event after others. */
export function given(...before: readonly RegistryEvent[]) {
  const expectOf = (events: readonly CascadeEvent[], event: CascadeEvent) => {
    const { subject, bond } = correlate(event);
    const reactions = react(event, {
      subject: subject ? pastIn(events, subject) : noPast,
      parent: bond ? pastIn(events, bond.parent) : noPast,
    });
    return {
      then: (...expected: readonly Reaction[]) => expect(reactions).toEqual(expected),
      thenNothing: () => expect(reactions).toEqual([]),
    };
  };
  return {
    when(event: RegistryEvent) {
      const events = recorded(...before, event);
      return expectOf(events, events.at(-1) as CascadeEvent);
    },
    /** The n-th event, when all of them are known already. */
    whenSeenAgain(n: number) {
      const events = recorded(...before);
      return expectOf(events, events[n - 1] as CascadeEvent);
    },
  };
}

/** The events as one log. */
export function recorded(...events: readonly RegistryEvent[]): readonly CascadeEvent[] {
  return storedInOrder(...events).map((event) => decode(event) as CascadeEvent);
}

/** What these events say of a parent. */
export function pastIn(events: readonly CascadeEvent[], parent: Parent): Past {
  const own = events.filter((event) => correlate(event).subject?.id === parent.id);
  return own.reduce((past, event) => evolve(past, event as ParentEvent), noPast);
}
