// Processes whose commands stand still before each operation on the log, until they are told to go on, or never are.
import { setImmediate as turn } from 'node:timers/promises';
import type { AggregateCache } from '../../src/commands/aggregate-cache.ts';
import type { CommandDependencies, Outcome, Sender } from '../../src/commands/handler.ts';
import { commands } from '../../src/commands/index.ts';
import { type EventLog, EventLogUnavailable } from '../../src/events/event-log.ts';

export interface Command {
  readonly name: string;
  readonly id: string;
  readonly body?: object;
  readonly sender?: Partial<Sender>;
}

/** What becomes of the operation before which a command stands. */
export type Step =
  /** It is done, and the command goes on. */
  | 'goes on'
  /** The process dies before it, or after it. */
  | 'dies before'
  | 'dies after'
  /** It is not done, or done, and the command hears that the store is not there. */
  | 'is not sent'
  | 'is not answered';

export interface Interleaving {
  /** Starts a command in one of the processes, and names it; returns when each command stands still or has ended. */
  start(process: number, command: Command): Promise<string>;
  /** Takes a step of a command, if it stands still; returns likewise. */
  step(name: string, step: Step): Promise<void>;
  /** The names of the commands that stand still. */
  standing(): readonly string[];
  /** Everything that was done, a line each. */
  readonly history: readonly string[];
}

export type ProcessDependencies = Omit<CommandDependencies, 'log' | 'cache'> & { readonly cache: AggregateCache };

interface Life {
  isOver: boolean;
  readonly dependencies: ProcessDependencies;
}

interface Run {
  readonly name: string;
  readonly life: Life;
}

interface Standing {
  readonly run: Run;
  readonly operation: string;
  take(step: Step): Promise<void>;
}

/** @param birth what a process has when it starts: nothing of it outlives the process */
export function interleave(log: EventLog, birth: (process: number) => ProcessDependencies): Interleaving {
  const history: string[] = [];
  const lives = new Map<number, Life>();
  const standing: Standing[] = [];
  const moving = new Set<Run>();
  let failure: unknown;
  let started = 0;
  let moved = Promise.withResolvers<void>();

  return { start, step, standing: () => standing.map(({ run }) => run.name), history };

  async function start(process: number, command: Command): Promise<string> {
    const life = lives.get(process) ?? { isOver: false, dependencies: birth(process) };
    lives.set(process, life);
    started += 1;
    const run: Run = { name: `${started} (${command.name} in process ${process})`, life };
    history.push(
      `${run.name} ${command.id} ${JSON.stringify(command.body ?? {})} ${Object.keys(command.sender ?? {})}`,
    );
    moving.add(run);
    const cache = waitingForOthers(run, life.dependencies.cache);
    execute({ ...life.dependencies, log: standingStill(run), cache }, command).then(
      (outcome) => ended(run, outcome.outcome === 'rejected' ? outcome.reason : outcome.outcome),
      (error: unknown) => {
        if (!(error instanceof EventLogUnavailable)) failure ??= error;
        ended(run, String(error));
      },
    );
    await untilNoneMoves();
    return run.name;
  }

  async function step(name: string, how: Step): Promise<void> {
    const one = standing.find(({ run }) => run.name === name);
    if (one === undefined) return;
    history.push(`${one.run.name} ${how}: ${one.operation}`);
    if (how.startsWith('dies')) die(one.run.life);
    else standing.splice(standing.indexOf(one), 1);
    await one.take(how);
    await untilNoneMoves();
  }

  function standingStill(run: Run): EventLog {
    const before = <T>(operation: string, perform: () => Promise<T>): Promise<T> =>
      new Promise((resolve, reject) => {
        standing.push({ run, operation, take });
        stop(run);

        async function take(how: Step): Promise<void> {
          if (how === 'dies before') return;
          if (how === 'is not sent') return unavailable();
          const result = await perform();
          if (how === 'dies after') return;
          if (how === 'is not answered') return unavailable();
          moving.add(run);
          resolve(result);
        }

        function unavailable(): void {
          moving.add(run);
          reject(new EventLogUnavailable('the store is not there'));
        }
      });
    return {
      ...log,
      read: (stream, ...range) => before(`read ${stream}`, () => log.read(stream, ...range)),
      readLast: (stream) => before(`read the last of ${stream}`, () => log.readLast(stream)),
      append: (stream, expected, events) =>
        before(`append ${events.map(({ type }) => type)} to ${stream} at ${expected}`, async () => {
          const outcome = await log.append(stream, expected, events);
          history.push(`  ${outcome.status}`);
          return outcome;
        }),
    };
  }

  /** Who waits for what another command of the process reads moves again when that has been read. */
  function waitingForOthers(run: Run, cache: AggregateCache): AggregateCache {
    return {
      ...cache,
      parents: {
        ...cache.parents,
        async current(...asked) {
          const reading = cache.parents.current(...asked);
          // It may have to wait until others of its process have read; what it reads itself makes it move.
          stop(run);
          try {
            return await reading;
          } finally {
            moving.add(run);
          }
        },
      },
      async share(stream, read) {
        let isReading = false;
        const shared = cache.share(stream, () => {
          isReading = true;
          moving.add(run);
          return read();
        });
        if (!isReading) stop(run);
        try {
          return await shared;
        } finally {
          moving.add(run);
        }
      },
    };
  }

  function stop(run: Run): void {
    moving.delete(run);
    moved.resolve();
  }

  function die(life: Life): void {
    life.isOver = true;
    for (const [process, its] of lives) if (its === life) lives.delete(process);
    const alive = standing.filter(({ run }) => run.life !== life);
    standing.splice(0, standing.length, ...alive);
  }

  function ended(run: Run, how: string): void {
    history.push(`${run.name} has ended: ${how}`);
    stop(run);
  }

  async function untilNoneMoves(): Promise<void> {
    do {
      while (moving.size > 0) {
        await moved.promise;
        moved = Promise.withResolvers();
      }
      // Others who waited for what has just been read.
      await turn();
    } while (moving.size > 0);
    if (failure !== undefined) throw failure;
  }
}

/** Runs a command of the table. */
export function execute(dependencies: CommandDependencies, command: Command): Promise<Outcome<unknown>> {
  const { name, id, body, sender } = command;
  const defined = commands.find((candidate) => candidate.name === name);
  if (defined === undefined) throw new Error(`there is no command ${name}`);
  return defined.run(dependencies, {
    id,
    body: defined.body?.parse(body),
    query: defined.query?.parse({}),
    sender: { actor: 'a-tester', correlationId: 'a-correlation', ...sender },
  });
}
