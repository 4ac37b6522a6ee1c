// Given events, when a command, then events, nothing or a refusal: the grammar of decider specs.
import { expect } from 'vitest';
import type { Decider, Decision, Rejection } from '../../src/domain/decision.ts';
import type { RegistryEvent } from '../../src/events/catalogue.ts';

export function specificationOf<Command, State, Event extends RegistryEvent>(decider: Decider<Command, State, Event>) {
  return function given(...events: readonly Event[]) {
    const state = events.reduce(decider.evolve, decider.initial);
    return {
      when(command: Command) {
        const decision: Decision<Event> = decider.decide(command, state);
        return {
          then: (...expected: readonly Event[]) => {
            expect(decision).toEqual({ outcome: 'accepted', events: expected });
          },
          thenNothing: () => {
            expect(decision).toEqual({ outcome: 'ignored' });
          },
          thenRejected: (reason: Rejection) => {
            expect(decision).toEqual({ outcome: 'rejected', reason });
          },
        };
      },
    };
  };
}
