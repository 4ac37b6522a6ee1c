// The commands to a child, sent under an id that is the same each time: a child that has had one is left alone.
import type { Logger } from 'pino';
import { factories, gateways } from '../commands/aggregate.ts';
import { type CommandDependencies, handle, type Outcome, type Sender } from '../commands/handler.ts';
import type { FactoryCommand } from '../domain/factory.ts';
import type { GatewayCommand } from '../domain/gateway.ts';
import type { EventId } from '../events/ids.ts';
import { pauseFor } from '../infrastructure/lifecycle.ts';
import type { Bond, Word } from './cascade.ts';
import { reactionId } from './reaction-id.ts';

export interface ChildCommandDependencies {
  readonly commands: CommandDependencies;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/** So often a child may be overtaken by others before its reaction fails. */
const mostConflicts = 10;

/**
 * Deletes a child because of its parent's deletion, unless it has gone to another parent meanwhile.
 *
 * @throws EventLogUnavailable; what `signal` aborted with
 */
export async function take(dependencies: ChildCommandDependencies, bond: Bond, deletion: Word): Promise<void> {
  const { commands } = dependencies;
  const { id: cause } = deletion;
  const sender = senderOf(deletion, bond);
  await untilSettled(dependencies, bond, () => {
    if (bond.child === 'factory') {
      return handle(commands, factories, bond.id, sender, async (factory): Promise<FactoryCommand[]> => {
        const isHere = factory.status === 'active' && factory.ids.organizationId === bond.parent.id;
        return isHere ? [{ type: 'SoftDeleteFactoryWithOrganization', cause }] : [];
      });
    }
    return handle(commands, gateways, bond.id, sender, async (gateway): Promise<GatewayCommand[]> => {
      const isHere = gateway.status === 'active' && gateway.ids.factoryId === bond.parent.id;
      return isHere ? [{ type: 'SoftDeleteGatewayWithFactory', cause }] : [];
    });
  });
}

/**
 * Restores a child that a deletion of its parent took, or notes in its history why it stays deleted.
 *
 * @throws EventLogUnavailable; what `signal` aborted with
 */
export async function giveBack(
  dependencies: ChildCommandDependencies,
  bond: Bond,
  deletion: EventId,
  restoration: Word,
): Promise<void> {
  const { commands } = dependencies;
  const { id: cause } = restoration;
  const sender = senderOf(restoration, bond);
  if (bond.child === 'factory') {
    await untilSettled(dependencies, bond, () =>
      handle(
        commands,
        factories,
        bond.id,
        sender,
        async (): Promise<FactoryCommand[]> => [{ type: 'RestoreFactoryWithOrganization', cause, deletion }],
      ),
    );
    return;
  }
  const settled = await untilSettled(dependencies, bond, () =>
    handle(
      commands,
      gateways,
      bond.id,
      sender,
      async (_gateway, facts): Promise<GatewayCommand[]> => [
        { type: 'RestoreGatewayWithFactory', cause, deletion, reservationId: facts.newReservation() },
      ],
    ),
  );
  if (settled !== 'device id taken') return;
  await untilSettled(dependencies, bond, () =>
    handle(
      commands,
      gateways,
      bond.id,
      sender,
      async (): Promise<GatewayCommand[]> => [{ type: 'RefuseRestorationWithFactory', cause, deletion }],
    ),
  );
}

function senderOf({ id, correlationId, traceparent }: Word, bond: Bond): Sender {
  const reaction = { cause: id, eventId: reactionId(id, bond.id) };
  return { actor: 'process:cascade', correlationId, traceparent, reaction };
}

/** Runs a command until it is settled; waits where somebody else is about to settle it. */
async function untilSettled(
  { commands, logger, signal }: ChildCommandDependencies,
  bond: Bond,
  run: () => Promise<Outcome<{ readonly id: string }>>,
): Promise<'done' | 'device id taken'> {
  // A device id in flight is settled after the grace period, and after twice as much when another clock runs ahead.
  const tooLate = performance.now() + 2 * commands.reservationGrace;
  let isTooLate = false;
  let conflicts = 0;
  for (let pause = 25; ; pause = Math.min(2 * pause, 1_000)) {
    const outcome = await run();
    if (outcome.outcome !== 'rejected') return 'done';
    if (outcome.reason === 'GatewayIdTaken') return 'device id taken';
    if (outcome.reason === 'Conflict') conflicts += 1;
    else if (outcome.reason !== 'GatewayIdInFlight') throw new Error(`a reaction was refused: ${outcome.reason}`);
    if (conflicts > mostConflicts) throw new Error('a reaction was overtaken by others again and again');
    if (!isTooLate && performance.now() > tooLate) {
      isTooLate = true;
      const { child, id } = bond;
      logger.warn({ child: `${child} ${id}`, reason: outcome.reason }, 'a reaction waits longer than it should');
    }
    await pauseFor(pause, signal);
    signal.throwIfAborted();
  }
}
