// A response stream with back-pressure: at most a few messages, or a mebibyte, wait for a slow reader, then the producer
// does. A call that ends, for whatever reason, releases whoever waits.

import type { ReadReq } from '@eventstore/db-client/generated/streams_pb.js';
import type { ServerWritableStream } from '@grpc/grpc-js';
import type { Refusal } from './errors.ts';

export type Outlet = ReturnType<typeof outletOf>;

const mostMessages = 128;
const mostBytes = 1024 * 1024;

/** The outlet of a call, which nothing else may write to or end. */
export function outletOf(call: ServerWritableStream<ReadReq, Buffer>) {
  const ended = Promise.withResolvers<void>();
  let closed = false;
  let messages = 0;
  let bytes = 0;
  let release: (() => void) | undefined;

  call.on('cancelled', close);

  /** `size` is about what the message weighs. True when the producer should await `drained` before it sends more. */
  function send(message: Buffer, size = 0): boolean {
    if (closed) return false;
    messages += 1;
    bytes += size;
    call.write(message, () => {
      messages -= 1;
      bytes -= size;
      if (!isFull()) release?.();
    });
    return isFull();
  }

  /** Resolves when there is room again or the call has ended; never rejects. */
  function drained(): Promise<void> {
    return new Promise((resolve) => {
      release = resolve;
      if (closed || !isFull()) resolve();
    });
  }

  function isFull(): boolean {
    return messages >= mostMessages || bytes >= mostBytes;
  }

  function end(): void {
    if (!closed) call.end();
    close();
  }

  /** Ends the call with an error; without effect when it has ended. */
  function fail(refusal: Refusal): void {
    if (!closed) call.emit('error', refusal);
    close();
  }

  function close(): void {
    closed = true;
    release?.();
    ended.resolve();
  }

  return {
    /** True once the call has ended or was cancelled; what is sent then is dropped. */
    get closed() {
      return closed;
    },
    ended: ended.promise,
    send,
    drained,
    end,
    fail,
  };
}

/** Lets other calls have their turn. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
