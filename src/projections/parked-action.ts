// `npm run projections -- parked`: for people, what waits and why, and what they can do about it.
import type { Action } from '../actions.ts';
import type { Context } from '../context.ts';
import { connect } from '../infrastructure/postgres.ts';
import { listParked, listSkipped, type ParkedStream, retryParked, type SkippedEvent, skipParked } from './parked.ts';

export const parkedAction: Action = {
  takes: '[list] | retry [<stream>] | skip <stream> [<revision>]',
  servers: ['postgres'],
  help: `Events that the tables could not take (a value too long, say), and those that wait behind them. The service goes on
with all others.
list   shows which ones wait, why and since when; and what was skipped.
retry  tries them again, in the order of the log: all, or those of a stream and what waits for it. Ends with 1 when some
       still fail. A rebuild tries all of them too.
skip   gives up the event that a stream waits for, and retries what waits behind it. The tables then differ from the log
       until a rebuild. Without the event that creates something, all of its events are given up.`,
  run: ({ context, words }) => runParked(context, words),
};

async function runParked({ urls }: Context, words: readonly string[]): Promise<void> {
  const [verb = 'list', stream, revision, ...more] = words;
  if (more.length > 0 || (revision !== undefined && verb !== 'skip') || (stream !== undefined && verb === 'list')) {
    throw usage('That is a word too many.');
  }
  await using connection = await connect({ databaseUrl: urls.postgres, name: 'registry parked', timeoutMs: 60_000 });
  const { client } = connection;
  if (verb === 'list') {
    console.log(renderParked(await listParked(client), await listSkipped(client)));
  } else if (verb === 'retry') {
    const freed = await retryParked(client, stream);
    console.log(`${events(freed)} applied.`);
    const rest = await listParked(client);
    const failed = rest.filter((parked) => stream === undefined || parked.stream === stream);
    if (failed.length > 0) throw new Error(`Still parked:\n${renderParked(failed, [])}`);
  } else if (verb === 'skip') {
    if (stream === undefined) throw usage('Say which stream is to be skipped.');
    const skipped = await skipParked(client, stream, revision === undefined ? undefined : revisionOf(revision));
    console.log(renderSkip(skipped));
    const rest = await listParked(client);
    if (rest.length > 0) console.log(`Still parked:\n${renderParked(rest, [])}`);
  } else {
    throw usage(`Unknown: ${verb}.`);
  }
}

function usage(complaint: string): Error {
  return new Error(`${complaint}\nUsage: npm run projections -- parked ${parkedAction.takes}`);
}

function revisionOf(text: string): bigint {
  if (!/^\d{1,18}$/.test(text)) throw usage(`${text} is no revision.`);
  return BigInt(text);
}

/** The list as lines. */
export function renderParked(parked: readonly ParkedStream[], skipped: readonly SkippedEvent[]): string {
  const lines = parked.flatMap(({ stream, revision, position, type, sqlstate, error, since, queued }) => [
    `${stream}  revision ${revision}  position ${position.commit}  ${type}  since ${since.toISOString()}`,
    error === undefined ? '  waits for nothing more: retry it' : `  ${sqlstate}: ${error}`,
    ...(queued === 0 ? [] : [`  ${events(queued)} behind it`]),
  ]);
  if (skipped.length > 0) {
    lines.push(`Skipped, so that the tables differ from the log until a rebuild: ${events(skipped.length)}`);
    lines.push(
      ...skipped.map(
        ({ stream, revision, type, at }) => `  ${stream}  revision ${revision}  ${type}  at ${at.toISOString()}`,
      ),
    );
  }
  return lines.length === 0 ? 'Nothing is parked.' : lines.join('\n');
}

/** What it means that these were skipped. */
export function renderSkip([first, ...more]: readonly SkippedEvent[]): string {
  if (first === undefined) return 'Nothing was skipped.';
  const lines = [`Skipped ${first.type} at revision ${first.revision} of ${first.stream}.`];
  if (more.length > 0) lines.push(`Without it there is no row for ${events(more.length)} after it: skipped too.`);
  lines.push('The tables differ from the log until a rebuild, which tries it again: npm run projections -- rebuild');
  return lines.join('\n');
}

function events(count: number): string {
  return count === 1 ? '1 event' : `${count} events`;
}
