// npm run bench:heartbeats: how much of a processor it takes to hear the heartbeats of 50,000 gateways, beside a bare
// subscriber and beside a registry that writes every one; and, with --indexes, what a flush of them into the tables costs.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { interruption, runScript } from '../embedded/script.ts';
import { endChildren } from './children.ts';
import { measureBeats } from './heartbeats-beats.ts';
import { measureIndexes } from './heartbeats-indexes.ts';
import { indexesReportOf } from './heartbeats-indexes-report.ts';
import { optionsOf, usage } from './heartbeats-options.ts';
import { beatsReportOf } from './heartbeats-report.ts';

const interruptedCode = 130;
const running = new AsyncDisposableStack();
let ending: Promise<void> | undefined;

await runScript(async () => {
  const options = optionsOf(process.argv.slice(2));
  if (options === 'help') return console.log(usage);
  void interruption().then(async () => {
    process.exitCode = interruptedCode;
    await endAll();
    process.exit();
  });
  try {
    const folder = await mkdtemp(join(tmpdir(), 'bench-heartbeats-'));
    running.defer(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }));
    const bench = { folder, running, tell };
    if (options.measure === 'beats') console.log(beatsReportOf(await measureBeats(bench, options), options));
    else console.log(indexesReportOf(await measureIndexes(bench, options), options));
  } catch (error) {
    // Whatever fails when everything is being ended is no news.
    if (process.exitCode !== interruptedCode) throw error;
  } finally {
    await endAll();
  }
});
// What listens to signals and connections would keep the process alive.
process.exit();

/** Whoever asks second waits as well. */
function endAll(): Promise<void> {
  ending ??= endChildren().then(() => running.disposeAsync());
  return ending;
}

function tell(progress: string): void {
  if (!running.disposed) console.error(progress);
}
