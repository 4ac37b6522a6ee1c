import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type MemoryStream, memoryStream } from '../../test/support/memory-stream.ts';
import { BusUnavailable, type Message, type Reply } from './bus.ts';
import { openPipe, type Pipe } from './pipe.ts';

const patience = 1_000;

describe('a pipe', () => {
  let stream: MemoryStream;
  let pipe: Pipe;
  let stopping: AbortController;

  beforeEach(() => {
    vi.useFakeTimers();
    stream = memoryStream({ answers: false });
    stopping = new AbortController();
    pipe = openPipe(stream, { after: 10, window: 2, patience, signal: stopping.signal });
  });

  afterEach(() => {
    pipe.close();
    vi.useRealTimers();
  });

  it('asks for each message that it comes directly behind the one before, and that this one is ours', async () => {
    await pipe.send(message('a'));
    await pipe.send(message('b'));
    expect(stream.sent.map(({ number, message: { headers } }) => ({ number, ...headers }))).toEqual([
      { number: 11, 'Nats-Msg-Id': 'a', 'Nats-Expected-Last-Sequence': '10' },
      { number: 12, 'Nats-Msg-Id': 'b', 'Nats-Expected-Last-Sequence': '11', 'Nats-Expected-Last-Msg-Id': 'a' },
    ]);
  });

  it('asks for one of many messages only when those before it are sent', async () => {
    const asked: number[] = [];
    function* messages() {
      for (let number = 11; number < 15; number++) {
        asked.push(number);
        yield message(`${number}`);
      }
    }
    const sending = pipe.sendAll(messages());
    expect(stream.sent.map(({ number }) => number)).toEqual([11, 12]);
    expect(asked).toEqual([11, 12, 13]);
    for (const number of [11, 12]) stream.reply(number, { kind: 'stored', sequence: number });
    await sending;
    expect(stream.sent.map(({ number }) => number)).toEqual([11, 12, 13, 14]);
  });

  it('sends no more than the window holds before something is stored', async () => {
    await pipe.send(message('a'));
    await pipe.send(message('b'));
    const third = pipe.send(message('c'));
    await vi.advanceTimersByTimeAsync(1);
    expect(stream.sent).toHaveLength(2);
    stream.reply(11, { kind: 'stored', sequence: 11 });
    await third;
    expect(stream.sent).toHaveLength(3);
    expect(pipe.stored()).toBe(11);
  });

  it('is settled when all that was sent is stored', async () => {
    await pipe.settled();
    await pipe.send(message('a'));
    await pipe.send(message('b'));
    const settled = vi.fn();
    const settling = pipe.settled().then(settled);
    stream.reply(11, { kind: 'stored', sequence: 11 });
    await vi.advanceTimersByTimeAsync(1);
    expect(settled).not.toHaveBeenCalled();
    stream.reply(12, { kind: 'stored', sequence: 12 });
    await settling;
    expect(pipe.stored()).toBe(12);
  });

  it.each<[string, Reply, string]>([
    ['a message is stored elsewhere', { kind: 'stored', sequence: 12 }, 'TailMoved'],
    ['a message is there already', { kind: 'duplicate', sequence: 11 }, 'TailMoved'],
    ['somebody else has written', { kind: 'fenced', reason: 'wrong last sequence: 11' }, 'TailMoved'],
    ['a message is refused', { kind: 'refused', reason: 'no space left' }, 'Error'],
  ])('breaks when %s, and accepts nothing after that', async (_, reply, name) => {
    await pipe.send(message('a'));
    stream.reply(11, reply);
    stream.reply(11, { kind: 'stored', sequence: 11 });
    expect(pipe.broken.aborted).toBe(true);
    await expect(pipe.send(message('b'))).rejects.toMatchObject({ name });
    await expect(pipe.settled()).rejects.toMatchObject({ name });
    expect(stream.sent).toHaveLength(1);
    expect(pipe.stored()).toBe(10);
  });

  it('breaks, and lets go who waits, when the connection is lost', async () => {
    await pipe.send(message('a'));
    const settled = expect(pipe.settled()).rejects.toThrow(BusUnavailable);
    stream.lose(new BusUnavailable('gone'));
    await settled;
  });

  it('keeps nobody waiting when it is told to stop', async () => {
    await pipe.send(message('a'));
    await pipe.send(message('b'));
    const third = expect(pipe.send(message('c'))).rejects.toThrow('told to stop');
    stopping.abort();
    await third;
    const late = openPipe(stream, { after: 10, window: 2, patience, signal: stopping.signal });
    await expect(late.send(message('a'))).rejects.toThrow('told to stop');
    expect(stream.sent).toHaveLength(2);
  });

  it('breaks when nothing is acknowledged for as long as its patience lasts', async () => {
    await vi.advanceTimersByTimeAsync(10 * patience);
    await pipe.send(message('a'));
    await pipe.send(message('b'));
    await vi.advanceTimersByTimeAsync(0.9 * patience);
    stream.reply(11, { kind: 'stored', sequence: 11 });
    await vi.advanceTimersByTimeAsync(0.9 * patience);
    expect(pipe.broken.aborted).toBe(false);
    await vi.advanceTimersByTimeAsync(0.5 * patience);
    expect(pipe.broken.reason).toBeInstanceOf(BusUnavailable);
  });
});

function message(id: string): Message {
  return { subject: 'mti.evt.v1.x', headers: { 'Nats-Msg-Id': id }, body: '{}' };
}
