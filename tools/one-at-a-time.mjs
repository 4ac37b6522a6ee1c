import { createHash } from 'node:crypto';
import { createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/**
 * Runs the work while no other process does so for the same folder; waits for that one first. Two installs at once
 * would delete each other's files. The lock is a name in Linux's abstract socket space, free again when its holder ends,
 * however it ends. Elsewhere there is no such name and no lock.
 */
export async function oneAtATime(folder, work) {
  if (process.platform !== 'linux') return work();
  const name = `\0gateway-registry-install-${createHash('sha256').update(folder).digest('hex').slice(0, 32)}`;
  let server = await listen(name);
  if (server === null) console.log('Another command is installing the dependencies; waiting for it ...');
  while (server === null) {
    await delay(200);
    server = await listen(name);
  }
  try {
    return await work();
  } finally {
    server.close();
  }
}

function listen(path) {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error) => (error.code === 'EADDRINUSE' ? resolve(null) : reject(error)));
    server.listen(path, () => resolve(server));
  });
}
