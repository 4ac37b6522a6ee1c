// What the demonstration sees of the orchestrator, and waits for.
import { EventEmitter, on } from 'node:events';
import type { Gateway } from '../../client/src/index.ts';
import type { ConnectionStatus, Transition } from './connection.ts';

export interface Stage {
  /** For the orchestrator. */
  report(transition: Transition): void;
  sendBeat(gateway: Gateway): void;
  /**
   * Does something, and waits until the connections to these gateways, by their device ids, have come to these states in their
   * order. Rejects when the signal aborts, or it takes over 30 s.
   */
  until(gateways: readonly string[], states: readonly ConnectionStatus[], act: () => unknown): Promise<void>;
  /** Waits until a gateway has had so many heartbeats more. Rejects as `until` does. */
  untilBeats(gateway: string, more: number): Promise<void>;
}

const patienceMs = 30_000;

export function createStage(signal: AbortSignal): Stage {
  const happenings = new EventEmitter<{ transition: [Transition]; beat: [] }>();
  const beats = new Map<string, number>();
  const beatsOf = (gateway: string) => beats.get(gateway) ?? 0;
  happenings.setMaxListeners(0);

  return {
    report: (transition) => void happenings.emit('transition', transition),
    sendBeat({ gateway_id }) {
      beats.set(gateway_id, beatsOf(gateway_id) + 1);
      happenings.emit('beat');
    },
    async until(gateways, states, act) {
      // Before anything is done, so that nothing that follows from it is missed.
      const arrivals = gateways.map((gateway) => arrival(gateway, states));
      await Promise.all([...arrivals, act()]);
    },
    async untilBeats(gateway, more) {
      const enough = beatsOf(gateway) + more;
      const waiting = on(happenings, 'beat', { signal: patience() });
      while (beatsOf(gateway) < enough) await waiting.next();
      await waiting.return?.();
    },
  };

  async function arrival(gateway: string, states: readonly ConnectionStatus[]): Promise<void> {
    let index = 0;
    for await (const [transition] of on(happenings, 'transition', { signal: patience() })) {
      const { gateway: moved, to } = transition as Transition;
      if (moved.gateway_id === gateway && to === states[index]) index += 1;
      if (index === states.length) return;
    }
  }

  function patience(): AbortSignal {
    return AbortSignal.any([signal, AbortSignal.timeout(patienceMs)]);
  }
}
