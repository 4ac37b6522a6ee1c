// Commands without end, as a process beside the faults.
import { until } from '../../embedded/until.ts';
import type { LoadReport } from './load-process.ts';
import { startProgram } from './program.ts';
import { isShort, seed } from './random.ts';

export interface Load extends AsyncDisposable {
  /** Resolves when so many more commands have been answered. */
  goesOn(commands: number): Promise<void>;
  /** Resolves when every command that there is has been accepted at least once. */
  hasTriedAll(): Promise<void>;
  /** How many were answered in all, after the last one. */
  stop(): Promise<LoadReport>;
}

const patienceMs = 60_000;

/** Resolves when the first commands have been answered. */
export async function startLoad(eventStoreUrl: string): Promise<Load> {
  await using starting = new AsyncDisposableStack();
  // In the short form most of the processor is for other tests.
  const LONGEST_REST = isShort ? '100' : '0';
  const environment = { EVENTSTORE_URL: eventStoreUrl, SEED: `${seed}`, LONGEST_REST };
  const program = starting.use(startProgram('load-process.ts', environment));
  let report: LoadReport = { answered: 0, untried: Number.POSITIVE_INFINITY, unavailable: 0 };
  program.child.on('message', (told: LoadReport) => {
    report = told;
  });
  const reports = async (isEnough: () => boolean) => {
    await until(() => isEnough() || program.child.exitCode !== null, patienceMs);
    if (!isEnough()) throw new Error(`the load does not go on: ${JSON.stringify(report)}. ${program.lastWords()}`);
  };
  const goesOn = (commands: number) => {
    const target = report.answered + commands;
    return reports(() => report.answered >= target);
  };
  await goesOn(50);

  const running = starting.move();
  return {
    goesOn,
    hasTriedAll: () => reports(() => report.untried === 0),
    async stop() {
      program.child.send('stop');
      await program.ended;
      if (program.child.exitCode !== 0) throw new Error(`the load has failed. ${program.lastWords()}`);
      return report;
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}
