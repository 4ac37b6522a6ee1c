// The limit is only a limit when it does the same work: each question is put to both logs.
import { describe, expect, it } from 'vitest';
import { type Log, openLog, type WriteEvent } from '../embedded/event-store/log.ts';
import { deletedRevision, type RecordedEvent } from '../embedded/event-store/records.ts';
import { openMemoryLog } from './memory-log.ts';

const everything = { from: 0n, to: deletedRevision, createdSince: 0n };

function filled(log: Log): Log {
  log.transact((write) => {
    for (const revision of [0n, 1n, 2n]) put(write, 'a', revision);
    put(write, 'b', 0n, 2 * 1024 * 1024);
    put(write, 'a', deletedRevision);
  });
  return log;
}

function put(write: WriteEvent, stream: string, revision: bigint, size = 10): RecordedEvent {
  const data = new Uint8Array(size);
  return write(
    stream,
    revision,
    { id: `${stream}@${revision}`, type: 't', isJson: true, data, metadata: data },
    revision,
  );
}

function told({ events, isLast }: { readonly events: readonly RecordedEvent[]; readonly isLast: boolean }) {
  return { events: events.map(({ id, position, createdTicks }) => ({ id, position, createdTicks })), isLast };
}

const questions: Readonly<Record<string, (log: Log) => unknown>> = {
  'how far it reaches': (log) => log.head(),
  'which positions there are': (log) => [0n, 86n, 87n, log.head()].map((position) => log.hasPosition(position)),
  'where a stream ends': (log) =>
    ['a', 'b', 'c'].map((stream) => [log.lastRevision(stream), log.lastEvent(stream)?.id]),
  'what is at a revision': (log) =>
    [1n, 3n, deletedRevision].map((at) => [log.eventAt('a', at)?.id, log.idAt('a', at)]),
  'a stream forwards': (log) => told(log.streamForwards('a', everything, 2)),
  'a stream backwards': (log) => told(log.streamBackwards('a', { ...everything, to: 2n }, 10)),
  'a stream that is aged': (log) => told(log.streamForwards('a', { ...everything, createdSince: 2n }, 10)),
  'no stream': (log) => told(log.streamForwards('c', everything, 10)),
  'all, a page by count': (log) => told(log.allForwards(0n, 2)),
  'all, a page by bytes': (log) => told(log.allForwards(86n, 10)),
  'all, to the end': (log) => told(log.allForwards(log.head() - 1n, 10)),
  'all, backwards': (log) => told(log.allBackwards(log.head(), 10)),
  'a page that ends where the log does': (log) => told(log.allForwards(0n, 5)),
};

describe('the log in memory answers as the one in a file', () => {
  it.each(Object.entries(questions))('%s', (_, ask) => {
    expect(ask(filled(openMemoryLog()))).toEqual(ask(filled(openLog(':memory:'))));
  });

  it.each(Object.entries({ memory: openMemoryLog, file: () => openLog(':memory:') }))(
    '%s: all or nothing',
    (_, open) => {
      const log = filled(open());
      const head = log.head();
      const twice = () =>
        log.transact((write) => {
          put(write, 'c', 0n);
          put(write, 'a', 2n);
        });
      expect(twice).toThrow();
      expect([log.head(), log.lastRevision('c'), log.lastRevision('a')]).toEqual([head, -1n, deletedRevision]);
    },
  );
});
