// npm run bench:heartbeats: how much of a processor it takes to hear the heartbeats of 50,000 gateways, beside a bare
// subscriber and beside a registry that writes every one; and, with --indexes, what a flush of them into the tables costs.

import { measureBeats } from './heartbeats-beats.ts';
import { measureIndexes } from './heartbeats-indexes.ts';
import { indexesReportOf } from './heartbeats-indexes-report.ts';
import { optionsOf, usage } from './heartbeats-options.ts';
import { beatsReportOf } from './heartbeats-report.ts';
import { ownFolder, runBenchmark, running, tell } from './run.ts';

await runBenchmark({
  usage,
  optionsOf,
  async measure(options) {
    const bench = { folder: await ownFolder('heartbeats'), running, tell };
    if (options.measure === 'indexes') return indexesReportOf(await measureIndexes(bench, options), options);
    return beatsReportOf(await measureBeats(bench, options), options);
  },
});
