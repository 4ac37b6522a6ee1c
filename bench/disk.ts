// What the disk alone can do: nothing that is durable when it is answered can be quicker, one at a time.

import { closeSync, fdatasyncSync, openSync, writeSync } from 'node:fs';

const page = new Uint8Array(4096);

/** How often a second one page of a file is written and is on the disk. The file is made, and stays. */
export function syncsPerSecond(file: string, seconds: number): number {
  const descriptor = openSync(file, 'w');
  try {
    const start = performance.now();
    const elapsed = () => (performance.now() - start) / 1_000;
    let syncs = 0;
    for (; elapsed() < seconds; syncs++) {
      writeSync(descriptor, page, 0, page.length, 0);
      fdatasyncSync(descriptor);
    }
    return syncs / elapsed();
  } finally {
    closeSync(descriptor);
  }
}
