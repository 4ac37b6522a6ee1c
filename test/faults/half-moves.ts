// kill -9 between the halves of a move: too short a moment for who kills from outside.
import type { Bus, BusStream } from '../../src/publishing/bus.ts';

/** A bus that kills its process when the first half of a move of this gateway is stored, and sends nothing behind that. */
export function dyingInMoveOf(gateway: string, bus: Bus): Bus {
  return { ...bus, stream: (settings) => dyingStream(bus.stream(settings)) };

  function dyingStream(stream: BusStream): BusStream {
    return {
      ...stream,
      openChannel({ replied, lost }) {
        let half: number | undefined;
        const channel = stream.openChannel({
          replied(number, reply) {
            if (number === half && reply.kind === 'stored') process.kill(process.pid, 'SIGKILL');
            replied(number, reply);
          },
          lost,
        });
        return {
          ...channel,
          send(number, message, more) {
            if (half !== undefined) return;
            channel.send(number, message, more);
            if (message.headers['registry-step'] === '1/2' && message.subject.endsWith(`.${gateway}`)) half = number;
          },
        };
      },
    };
  }
}
