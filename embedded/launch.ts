// From a recipe to a server that answers: picks the port, starts the process, waits until the server itself says that
// it is the one we started, and explains itself with the end of the server's log when that does not happen.
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { choosePort, type PortWish } from './ports.ts';
import type { ServerEntry } from './server-entry.ts';
import { type Command, type SupervisedProcess, startSupervised, untilGone } from './supervised-process.ts';
import { until } from './until.ts';

export interface Recipe {
  /** What people call it. */
  readonly title: string;
  /** Names its files. */
  readonly name: string;
  command(port: number, instance: string): Command;
  url(port: number): string;
  /** Whether the server with that instance answers on the port; never throws. */
  answers(port: number, instance: string): Promise<boolean>;
}

export interface StartedServer extends ServerEntry {
  /** Resolves with the whole story when the server ends without stop(). */
  readonly died: Promise<Error>;
  stop(): Promise<void>;
}

const readyWithinMs = 60_000;

/** Starts the server of a recipe. Rejects with a message for people when it does not come up. */
export async function launch(recipe: Recipe, dataDir: string, wish: PortWish): Promise<StartedServer> {
  const logFile = logFileOf(dataDir, recipe.name);
  const presenceFile = presenceFileOf(dataDir, recipe.name);
  await untilGone(recipe.title, presenceFile);
  for (let attempt = 1; ; attempt += 1) {
    const port = await choosePort(recipe.title, attempt === 1 ? wish : { fixed: wish.fixed });
    const instance = `registry-${randomBytes(8).toString('hex')}`;
    const server = await startSupervised(recipe.command(port, instance), logFile, presenceFile);
    const ready = await until(async () => server.hasEnded() || (await recipe.answers(port, instance)), readyWithinMs);
    if (ready && !server.hasEnded())
      return startedServer(recipe, server, { url: recipe.url(port), port, instance }, logFile);
    await server.stop();
    const log = endOf(logFile);
    // Between our look at the port and the server's, another program may have taken it.
    if (/address already in use|another process listens/i.test(log) && wish.fixed === undefined && attempt < 5)
      continue;
    const what = ready
      ? `ended at once (${(await server.ended).how})`
      : `did not answer within ${readyWithinMs / 1000} s`;
    throw new Error(`${recipe.title} ${what}. ${whatTheLogSays(logFile)}`);
  }
}

/** `<dataDir>/logs/<name>.log`: where the output of the server goes. */
export function logFileOf(dataDir: string, name: string): string {
  return join(dataDir, 'logs', `${name}.log`);
}

/** Held open by every process of the server; see untilGone. */
export function presenceFileOf(dataDir: string, name: string): string {
  return join(dataDir, 'run', `${name}.alive`);
}

function startedServer(recipe: Recipe, server: SupervisedProcess, entry: ServerEntry, logFile: string): StartedServer {
  let stopping = false;
  const died = new Promise<Error>((resolve) => {
    void server.ended.then(({ how }) => {
      if (stopping) return;
      resolve(new Error(`${recipe.title} ended unexpectedly (${how}). ${whatTheLogSays(logFile)}`));
    });
  });
  return {
    ...entry,
    died,
    stop() {
      stopping = true;
      return server.stop();
    },
  };
}

function whatTheLogSays(logFile: string): string {
  const end = endOf(logFile);
  return end === ''
    ? `Its log, ${logFile}, is empty. Try again; its files are kept.`
    : `The end of its log, ${logFile}, says why; mend that, then try again (its files are kept):\n${end}`;
}

/** The last lines of a log, indented. */
export function endOf(logFile: string): string {
  const lines = readFileSync(logFile, 'utf8').trimEnd().split('\n').slice(-25);
  return lines.map((line) => (line === '' ? '' : `  ${line}`)).join('\n');
}
