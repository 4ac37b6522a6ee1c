// A response stream with back-pressure: at most a few messages, or a mebibyte, wait for a slow reader, then the producer does.
// A call that ends, for whatever reason, releases whoever waits.

import type { ReadReq, ReadResp } from '@eventstore/db-client/generated/streams_pb.js';
import type { ServerWritableStream } from '@grpc/grpc-js';
import type { CallError } from './errors.ts';

export interface Outlet {
  /** True once the call has ended or was cancelled; what is sent then is dropped. */
  readonly closed: boolean;
  /** `size` is about what the message weighs. True when the producer should await `drained` before it sends more. */
  send(message: ReadResp, size?: number): boolean;
  /** Resolves when there is room again or the call has ended; never rejects. */
  drained(): Promise<void>;
  end(): void;
  /** Ends the call with an error; without effect when it has ended. */
  fail(error: CallError): void;
  /** Calls back once when the call ends, at once when it has ended. */
  onClose(listener: () => void): void;
}

const mostMessages = 128;
const mostBytes = 1024 * 1024;

/** The outlet of a call, which nothing else may write to or end. */
export function outletOf(call: ServerWritableStream<ReadReq, ReadResp>): Outlet {
  const closeListeners: (() => void)[] = [];
  let closed = false;
  let messages = 0;
  let bytes = 0;
  let release: (() => void) | undefined;

  call.on('cancelled', close);

  function isFull(): boolean {
    return messages >= mostMessages || bytes >= mostBytes;
  }

  function sent(size: number): void {
    messages -= 1;
    bytes -= size;
    if (!isFull()) wake();
  }

  function wake(): void {
    release?.();
    release = undefined;
  }

  function close(): void {
    closed = true;
    wake();
    for (const listener of closeListeners.splice(0)) listener();
  }

  return {
    get closed() {
      return closed;
    },
    send(message, size = 0) {
      if (closed) return false;
      messages += 1;
      bytes += size;
      call.write(message, () => sent(size));
      return isFull();
    },
    drained: () =>
      new Promise((resolve) => {
        if (closed || !isFull()) resolve();
        else release = resolve;
      }),
    end() {
      if (!closed) call.end();
      close();
    },
    fail(error) {
      if (!closed) call.emit('error', error);
      close();
    },
    onClose(listener) {
      if (closed) listener();
      else closeListeners.push(listener);
    },
  };
}
