// How reactions are carried out: which children they are about, and each of them by a command of its own.
import type { Logger } from 'pino';
import type { CommandDependencies } from '../commands/handler.ts';
import { streamPrefix } from '../events/catalogue.ts';
import { EventLogUnavailable, type Position } from '../events/event-log.ts';
import { FactoryId, GatewayId } from '../events/ids.ts';
import { pauseFor } from '../infrastructure/lifecycle.ts';
import { inParallel } from '../infrastructure/parallel.ts';
import { isUnavailable, type Pool } from '../infrastructure/postgres.ts';
import { type ChildrenQuery, findChildren, type Parent } from '../queries/children.ts';
import type { Bond, Reaction, Word } from './cascade.ts';
import { giveBack, take } from './cascade-commands.ts';
import type { Pasts } from './pasts.ts';

export interface ActionDependencies {
  readonly commands: CommandDependencies;
  readonly pool: Pool;
  /** Waits until the tables show a position, so long at most; tells whether they do. */
  readonly readModelReaches: (position: Position, milliseconds: number, signal?: AbortSignal) => Promise<boolean>;
  readonly pasts: Pasts;
  /** Told of a child that cannot be handled; the others are. */
  readonly impossible: (bond: Bond, error: Error) => Promise<void>;
  readonly logger: Logger;
  /** When it aborts, what is under way ends and the reaction throws. */
  readonly signal: AbortSignal;
}

/** So many children are under way at a time. */
const width = 16;
/** So many are asked for at a time. More of them is worth a line in the log. */
const pageSize = 500;

/**
 * Carries out a reaction. Running it again, also after it was broken off, changes nothing more.
 *
 * @throws EventLogUnavailable, what `isUnavailable` tells apart, and whatever makes a reaction impossible
 */
export async function carryOut(dependencies: ActionDependencies, reaction: Reaction): Promise<void> {
  switch (reaction.type) {
    case 'TakeChildren':
      return takeChildren(dependencies, reaction);
    case 'TakeChild':
      if (await stillHolds(dependencies, reaction.bond.parent, reaction.deletion)) {
        await attempt(dependencies, reaction.bond, () => take(dependencies, reaction.bond, reaction.deletion));
      }
      return;
    case 'ReturnChildren':
      return returnChildren(dependencies, reaction);
    case 'ReturnChild':
      return attempt(dependencies, reaction.bond, () =>
        giveBack(dependencies, reaction.bond, reaction.deletion, reaction.restoration),
      );
  }
}

/** The part of a reaction that is about the child with this stream, if it is about it at all. */
export function partFor(child: string, reaction: Reaction): readonly Reaction[] {
  if ('bond' in reaction) {
    const { child: kind, id } = reaction.bond;
    return child === `${streamPrefix(kind)}${id}` ? [reaction] : [];
  }
  const prefix = streamPrefix(reaction.parent.kind === 'organization' ? 'factory' : 'gateway');
  if (!child.startsWith(prefix)) return [];
  const bond = bondWith(reaction.parent, child.slice(prefix.length));
  return reaction.type === 'TakeChildren'
    ? [{ type: 'TakeChild', bond, deletion: reaction.deletion }]
    : [{ type: 'ReturnChild', bond, deletion: reaction.deletion, restoration: reaction.restoration }];
}

/** Only what would fail for the other children as well is thrown. */
async function attempt({ impossible, signal }: ActionDependencies, bond: Bond, work: () => Promise<void>) {
  try {
    await work();
  } catch (error) {
    const isOfAll = signal.aborted || error instanceof EventLogUnavailable || isUnavailable(error);
    if (isOfAll || !(error instanceof Error)) throw error;
    await impossible(bond, error);
  }
}

type Of<Type extends Reaction['type']> = Extract<Reaction, { readonly type: Type }>;

async function takeChildren(dependencies: ActionDependencies, { parent, deletion, at }: Of<'TakeChildren'>) {
  await forChildren(dependencies, parent, { status: 'active', at }, async (bonds) => {
    // Who is not taken before the parent is restored need not be given back.
    if (!(await stillHolds(dependencies, parent, deletion))) return 'enough';
    await inParallel(bonds, width, dependencies.signal, (bond) =>
      attempt(dependencies, bond, () => take(dependencies, bond, deletion)),
    );
    return 'more';
  });
}

async function returnChildren(
  dependencies: ActionDependencies,
  { parent, deletion, restoration, at }: Of<'ReturnChildren'>,
) {
  await forChildren(dependencies, parent, { status: 'deleted', at }, async (bonds) => {
    await inParallel(bonds, width, dependencies.signal, (bond) =>
      attempt(dependencies, bond, () => giveBack(dependencies, bond, deletion, restoration)),
    );
    return 'more';
  });
}

async function stillHolds({ pasts }: ActionDependencies, parent: Parent, deletion: Word): Promise<boolean> {
  return (await pasts.readAnew(parent)).deletion?.id === deletion.id;
}

/** All children of a parent, page by page, as tables tell that show everything before a position. */
async function forChildren(
  dependencies: ActionDependencies,
  parent: Parent,
  query: Pick<ChildrenQuery, 'status' | 'at'>,
  use: (bonds: readonly Bond[]) => Promise<'more' | 'enough'>,
): Promise<void> {
  const { logger } = dependencies;
  const what = query.status === 'active' ? 'deletes what belongs to it' : 'restores what was deleted with it';
  const of = `${parent.kind} ${parent.id}`;
  let count = 0;
  for (let after: string | undefined; ; ) {
    const ids = await untilShown(dependencies, parent, { ...query, after, limit: pageSize });
    if (count === 0 && ids.length === pageSize) logger.info({ parent: of }, `${what}: ${pageSize} or more`);
    const answer = ids.length === 0 ? 'enough' : await use(ids.map((id) => bondWith(parent, id)));
    count += ids.length;
    after = ids.at(-1);
    if (answer === 'more' && ids.length === pageSize) continue;
    if (count >= pageSize) logger.info({ parent: of, count }, `${what}: done, ${count} were looked at`);
    return;
  }
}

function bondWith(parent: Parent, child: string): Bond {
  return parent.kind === 'organization'
    ? { child: 'factory', id: FactoryId.parse(child), parent }
    : { child: 'gateway', id: GatewayId.parse(child), parent };
}

/** @throws Error when the tables have come so far without hearing of the parent */
async function untilShown(
  { pool, readModelReaches, signal }: ActionDependencies,
  parent: Parent,
  query: ChildrenQuery,
): Promise<readonly string[]> {
  for (;;) {
    await readModelReaches(query.at, 1_000, signal);
    signal.throwIfAborted();
    const { isReached, isKnown, ids } = await findChildren(pool, parent, query);
    if (isReached && isKnown) return ids;
    if (isReached) {
      throw new Error(`the tables know no ${parent.kind} ${parent.id}: they were made from another event log`);
    }
    // What was announced is gone again: tables made anew have taken the place of those that were further.
    await pauseFor(50, signal);
  }
}
