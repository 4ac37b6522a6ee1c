// The measured server, seen from the benchmark.

import { sparing } from '../embedded/event-store-process.ts';
import { endChild, endChildren, messageOf, startChild } from './children.ts';
import type { Question, Usage } from './event-store-server.ts';

/** The file that keeps the events, or memory, where they last as long as the process. */
export type LogKind = 'file' | 'memory';

export interface MeasuredServerOptions {
  readonly log: LogKind;
  /** Filled with `events` events of `eventBytes` bytes when it has none. */
  readonly file: string;
  readonly events: number;
  readonly eventBytes: number;
}

export interface MeasuredServer {
  readonly url: string;
  usage(): Promise<Usage>;
  /** A CPU profile of the server during the work, written to a file that Chrome's DevTools open. */
  profiled<T>(file: string, work: () => Promise<T>): Promise<T>;
  /** Ends the process at once: what it keeps on disk is whole at any time. */
  stop(): Promise<void>;
}

let ending = false;

/** Starts the server in a process of its own; resolves when its log is filled and it serves. */
export async function startMeasuredServer(options: MeasuredServerOptions): Promise<MeasuredServer> {
  if (ending) throw new Error('The benchmark is ending.');
  const { log, file, events, eventBytes } = options;
  const args = ['--log', log, '--file', file, '--events', `${events}`, '--event-bytes', `${eventBytes}`];
  const child = startChild('event-store-server.ts', args, sparing);
  const url = await messageOf<string>(child);

  function ask(question: Question): Promise<unknown> {
    const answer = messageOf(child);
    child.send(question);
    return answer;
  }

  return {
    url,
    usage: async () => (await ask({ ask: 'usage' })) as Usage,
    async profiled(file, work) {
      await ask({ ask: 'profile' });
      const done = await work();
      await ask({ ask: 'write-profile', file });
      return done;
    },
    stop: () => endChild(child),
  };
}

/** Ends all of them, those too that are about to start; no other starts after that. */
export async function stopMeasuredServers(): Promise<void> {
  ending = true;
  await endChildren();
}
