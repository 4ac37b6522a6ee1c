import { accessSync, constants, statfsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface TemporaryFolder extends AsyncDisposable {
  readonly path: string;
}

/** An empty folder of its own, removed with all it holds when the scope ends. */
export async function temporaryFolder(parent = tmpdir()): Promise<TemporaryFolder> {
  const path = await mkdtemp(join(parent, 'gateway-registry-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true, maxRetries: 3 }) };
}

/**
 * The same for the data of servers: in memory, where the machine has a file system there and room in it. To make a database or a
 * cluster is to make a thousand files, which on a disk takes ten times as much of the processor.
 */
export function dataFolder(): Promise<TemporaryFolder> {
  return temporaryFolder(hasRoom(memory) ? memory : tmpdir());
}

const memory = '/dev/shm';
const enough = 4 * 1024 ** 3;

function hasRoom(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK);
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize >= enough;
  } catch {
    return false;
  }
}
